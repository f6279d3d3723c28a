// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/epochs.hh"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace tandem;

namespace {

struct Directory {
    std::string path;
    Directory() {
        char name[] = "/tmp/tandem-epochs-XXXXXX";
        path = std::string{::mkdtemp(name)} + "/state";
    }
    ~Directory() { std::filesystem::remove_all(std::filesystem::path{path}.parent_path()); }
    void write(const std::string& text) const {
        std::filesystem::create_directories(path);
        std::ofstream{path + "/groups"} << text;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(epochs)

BOOST_AUTO_TEST_CASE(nothing_kept_is_no_error) {
    const Directory directory;
    const auto records = app::load_records(directory.path);
    BOOST_REQUIRE(records.has_value());
    BOOST_TEST(records->empty());
}

BOOST_AUTO_TEST_CASE(what_was_saved_is_loaded) {
    const Directory directory;
    const app::Records kept{{"sip", {.epoch = 17, .disabled = false}},
                            {"trunks", {.epoch = 3, .disabled = true}}};
    BOOST_REQUIRE(app::save_records(directory.path, kept).has_value());
    const auto records = app::load_records(directory.path);
    BOOST_REQUIRE(records.has_value());
    BOOST_TEST((*records == kept));
}

BOOST_AUTO_TEST_CASE(damaged_files_are_named_with_a_way_out) {
    const Directory directory;
    for (const char* text : {"", "something else\n", "tandem-groups-1\nsip x enabled\n",
                             "tandem-groups-1\nsip 4\n", "tandem-groups-1\nsip 4 perhaps\n"}) {
        directory.write(text);
        const auto records = app::load_records(directory.path);
        BOOST_REQUIRE(!records.has_value());
        BOOST_TEST(records.error().find(directory.path + "/groups") == 0U);
        BOOST_TEST(records.error().find("move") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_directory_that_cannot_be_made_is_an_error) {
    const Directory directory;
    std::filesystem::create_directories(std::filesystem::path{directory.path}.parent_path());
    std::ofstream{directory.path} << "a file in the way";
    BOOST_TEST(!app::save_records(directory.path, {}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
