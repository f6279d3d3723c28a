// SPDX-License-Identifier: GPL-3.0-or-later
#include "example.hh"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace tandem::config;

namespace {

const std::string line =
    "tandem-pair-key-1 00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n";

Problem problem_of(const std::string& file) {
    const auto key = load_key(file);
    BOOST_REQUIRE(!key);
    return key.error();
}

std::string content(const std::string& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(key)

BOOST_AUTO_TEST_CASE(a_good_file) {
    const Folder folder;
    const auto key = load_key(folder.write("k", line, 0600));
    BOOST_REQUIRE(key);
    BOOST_TEST(key->bytes.size() == 32U);
    BOOST_TEST(key->bytes.substr(0, 2) == std::string("\x00\x11", 2));
    BOOST_TEST(key->bytes.back() == '\xff');
    BOOST_TEST(load_key(folder.write("k400", line, 0400)).has_value());
    BOOST_TEST(load_key(folder.write("bare", line.substr(0, line.size() - 1), 0600)).has_value());
}

BOOST_AUTO_TEST_CASE(a_missing_file) {
    const Folder folder;
    const auto problem = problem_of(folder.path("none"));
    BOOST_TEST(problem.what == "does not exist");
    BOOST_TEST(problem.hint.find("tandemctl keygen " + folder.path("none")) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_others_can_read) {
    const Folder folder;
    for (const auto& [mode, shown] :
         {std::pair{0644U, "0644"}, std::pair{0640U, "0640"}, std::pair{0604U, "0604"},
          std::pair{0620U, "0620"}, std::pair{0601U, "0601"}, std::pair{0700U, "0700"}}) {
        const auto problem = problem_of(folder.write("k", line, mode));
        BOOST_TEST(problem.what.starts_with(std::string{"has mode "} + shown), problem.what);
        BOOST_TEST(problem.hint == "chmod 600 " + folder.path("k"));
    }
}

BOOST_AUTO_TEST_CASE(not_a_regular_file) {
    const Folder folder;
    BOOST_TEST(problem_of(folder.path("")).what == "is not a regular file");
    // A FIFO without a writer must not block.
    BOOST_REQUIRE(mkfifo(folder.path("fifo").c_str(), 0600) == 0);
    BOOST_TEST(problem_of(folder.path("fifo")).what == "is not a regular file");
}

BOOST_AUTO_TEST_CASE(a_file_of_somebody_else,
                     *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                         return boost::test_tools::assertion_result{geteuid() == 0};
                     })) {
    const Folder folder;
    const std::string file = folder.write("k", line, 0600);
    BOOST_REQUIRE(chown(file.c_str(), 12345, 0) == 0);
    BOOST_TEST(problem_of(file).what.starts_with("belongs to user 12345"));
    BOOST_TEST(problem_of(file).hint == "chown root " + file);
}

BOOST_AUTO_TEST_CASE(wrong_content) {
    const Folder folder;
    std::string not_hex = line;
    not_hex[30] = 'g';
    for (const std::string& text :
         {std::string{}, std::string{"\n"}, line.substr(1), line.substr(0, line.size() - 2), line + "x",
          line + line, not_hex, std::string{"tandem-pair-key-2 "} + line.substr(18), std::string(1000, 'a'),
          std::string{"tandem-pair-key-1 "}, line.substr(0, 18) + " " + line.substr(18)}) {
        const auto problem = problem_of(folder.write("k", text, 0600));
        BOOST_TEST(problem.what == "does not contain a pair key", text);
        BOOST_TEST(problem.line == 1U);
        BOOST_TEST(problem.hint.find("keygen") != std::string::npos);
    }
    BOOST_TEST(problem_of(folder.write("k", line.substr(0, 18) + std::string(64, '0') + "\n", 0600)).what ==
               "the pair key is all zeros");
}

BOOST_AUTO_TEST_CASE(the_content_never_stands_in_the_problem) {
    const Folder folder;
    const auto problem = problem_of(folder.write("k", line + "x", 0600));
    BOOST_TEST(problem.to_string().find("00112233") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_generated_key_can_be_read) {
    const Folder folder;
    BOOST_REQUIRE(generate_key(folder.path("k")).has_value());
    BOOST_REQUIRE(generate_key(folder.path("l")).has_value());
    struct stat status {};
    BOOST_REQUIRE(stat(folder.path("k").c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 07777U) == 0600U);
    BOOST_TEST(status.st_nlink == 1U);
    const auto first = load_key(folder.path("k"));
    const auto second = load_key(folder.path("l"));
    BOOST_REQUIRE(first);
    BOOST_REQUIRE(second);
    BOOST_CHECK(first->bytes != second->bytes);
    BOOST_TEST(std::distance(std::filesystem::directory_iterator{folder.path("")}, {}) == 2);
}

BOOST_AUTO_TEST_CASE(a_key_is_never_overwritten) {
    const Folder folder;
    const std::string file = folder.write("k", line, 0600);
    const auto again = generate_key(file);
    BOOST_REQUIRE(!again);
    BOOST_TEST(again.error().find("never overwritten") != std::string::npos);
    BOOST_TEST(content(file) == line);
    // A symbolic link that leads nowhere is not followed either.
    std::filesystem::create_symlink(folder.path("elsewhere"), folder.path("link"));
    BOOST_TEST(!generate_key(folder.path("link")).has_value());
    BOOST_TEST(!std::filesystem::exists(folder.path("elsewhere")));
    BOOST_TEST(std::distance(std::filesystem::directory_iterator{folder.path("")}, {}) == 2);
}

BOOST_AUTO_TEST_CASE(a_key_in_a_missing_folder) {
    const Folder folder;
    BOOST_TEST(generate_key(folder.path("none/k")).error().find("cannot be written") != std::string::npos);
    BOOST_TEST(!generate_key("").has_value());
}

BOOST_AUTO_TEST_CASE(a_text_is_written_whole_and_for_its_owner_alone) {
    const Folder folder;
    const std::string file = folder.write("text", "before", 0644);
    BOOST_REQUIRE(save_text(file, "after").has_value());
    BOOST_TEST(content(file) == "after");
    BOOST_TEST((std::filesystem::status(file).permissions() ==
                (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)));
    // What an interrupted writing left is no obstacle, and a link that somebody put there is not followed.
    std::filesystem::create_symlink(folder.path("elsewhere"), file + ".new");
    BOOST_REQUIRE(save_text(file, "again").has_value());
    BOOST_TEST(content(file) == "again");
    BOOST_TEST(!std::filesystem::exists(folder.path("elsewhere")));
    BOOST_TEST(std::distance(std::filesystem::directory_iterator{folder.path("")}, {}) == 1);
}

BOOST_AUTO_TEST_CASE(a_text_that_cannot_be_written_leaves_the_old_one) {
    const Folder folder;
    BOOST_TEST(!save_text(folder.path("none/text"), "x").has_value());
    const std::string file = folder.write("text", "before", 0600);
    std::filesystem::create_directory(file + ".new");
    BOOST_TEST(!save_text(file, "after").has_value());
    BOOST_TEST(content(file) == "before");
}

BOOST_AUTO_TEST_SUITE_END()
