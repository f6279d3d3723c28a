// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/document.hh"
#include "example.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace tandem::config;

BOOST_AUTO_TEST_SUITE(loading)

BOOST_AUTO_TEST_CASE(a_problem_as_text) {
    BOOST_TEST((Problem{"f", 3, 7, "what", "hint"}.to_string()) == "f:3:7: what (hint)");
    BOOST_TEST((Problem{"f", 0, 0, "what", ""}.to_string()) == "f: what");
}

BOOST_AUTO_TEST_CASE(a_missing_file) {
    const Folder folder;
    const auto config = load(folder.path("none.toml"));
    BOOST_REQUIRE(!config);
    BOOST_TEST(config.error()[0].what.find("No such file") != std::string::npos);
    BOOST_TEST(!load(folder.path("")).has_value());
}

BOOST_AUTO_TEST_CASE(the_key_is_checked_at_the_line_that_names_it) {
    const Folder folder;
    const std::string key = folder.path("pair.key");
    const std::string text = with("multiplier = 3", "key_file = \"" + key + "\"");
    const std::string file = folder.write("t.toml", text, 0644);
    const auto without = load(file);
    BOOST_REQUIRE(!without);
    BOOST_TEST(without.error().at(0).file == file);
    BOOST_TEST(without.error().at(0).line == 7U);
    BOOST_TEST(without.error().at(0).what == "key file \"" + key + "\": does not exist");

    BOOST_REQUIRE(generate_key(key).has_value());
    BOOST_TEST(load(file).has_value());
}

BOOST_AUTO_TEST_CASE(a_node_without_a_name_has_the_host_s) {
    const Folder folder;
    BOOST_REQUIRE(generate_key(folder.path("k")).has_value());
    const std::string text =
        with("name = \"sip-a\"\n[pair]", "[pair]\nkey_file = \"" + folder.path("k") + "\"");
    const auto config = load(folder.write("t.toml", text, 0644));
    BOOST_REQUIRE(config);
    BOOST_TEST(!config->node.name.empty());
    BOOST_TEST(config->node.name.size() <= 32U);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_too_large) {
    const Folder folder;
    const auto config = load(folder.write("t.toml", std::string(text_size_max + 1, '\n'), 0644));
    BOOST_REQUIRE(!config);
    BOOST_TEST(config.error()[0].what.find("too large") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_examples_are_a_pair) {
    const auto first_text = read_text(EXAMPLES "/host-pair.toml");
    const auto second_text = read_text(EXAMPLES "/host-pair-node2.toml");
    BOOST_REQUIRE(first_text);
    BOOST_REQUIRE(second_text);
    const auto first = parse(*first_text, "host-pair.toml");
    const auto second = parse(*second_text, "host-pair-node2.toml");
    BOOST_REQUIRE(first);
    BOOST_REQUIRE(second);
    BOOST_TEST(first->digest == second->digest);
    BOOST_TEST(first->node.id == 1);
    BOOST_TEST(second->node.id == 2);
    BOOST_REQUIRE(first->paths.size() == second->paths.size());
    for (std::size_t i = 0; i < first->paths.size(); ++i) {
        BOOST_CHECK(first->paths[i].local == second->paths[i].peer);
        BOOST_CHECK(first->paths[i].peer == second->paths[i].local);
    }
    BOOST_CHECK(first->groups[0].role == ConfiguredRole::primary);
    BOOST_CHECK(second->groups[0].role == ConfiguredRole::secondary);
    BOOST_TEST(first->groups[0].request_pattern.to_string() == "REGISTER");
    // As many lines are marked as the opening comment says.
    std::size_t marked = 0;
    for (std::size_t at = second_text->find("# differs"); at != std::string::npos;
         at = second_text->find("# differs", at + 1))
        ++marked;
    BOOST_TEST(marked == 5U);
}

BOOST_AUTO_TEST_SUITE_END()
