// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/page.hh"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tandem::contract {
namespace {

/// A directory that is gone with the test.
struct Directory {
    std::string path;
    Directory() {
        std::string name = (std::filesystem::temp_directory_path() / "tandem-page-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Directory() { std::filesystem::remove_all(path); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
};

unsigned mode_of(const std::string& path) {
    struct stat status {};
    BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777U;
}

} // namespace

// Opening takes a lock: a test that waits for it for ever shall fail, not hang.
BOOST_AUTO_TEST_SUITE(page)

BOOST_AUTO_TEST_CASE(made_once_shared_and_kept, *boost::unit_test::timeout(10)) {
    const Directory directory;
    const std::string run = directory.path + "/run";
    {
        auto first = PageMapping::open(run);
        BOOST_REQUIRE_MESSAGE(first, first.error());
        BOOST_TEST(mode_of(run) == 0700U);
        BOOST_TEST(mode_of(run + "/page") == 0600U);
        const auto second = PageMapping::open(run);
        BOOST_REQUIRE(second);
        (*first)->counters.add(Counter::sip_received, 3);
        BOOST_TEST((*second)->counters.get(Counter::sip_received) == 3U);
        PageMapping moved = std::move(*first);
        BOOST_TEST(moved->counters.get(Counter::sip_received) == 3U);
    }
    const auto later = PageMapping::open(run);
    BOOST_REQUIRE(later);
    BOOST_TEST((*later)->counters.get(Counter::sip_received) == 3U);
}

BOOST_AUTO_TEST_CASE(counts_and_beats_of_several_workers, *boost::unit_test::timeout(10)) {
    const Directory directory;
    const auto mapping = PageMapping::open(directory.path);
    BOOST_REQUIRE(mapping);
    Page& page = **mapping;
    page.counters.add(Counter::not_sip, 5);
    page.workers.front().counters.add(Counter::not_sip, 7);
    page.workers.back().counters.add(Counter::not_sip, 11);
    BOOST_TEST(page.count(Counter::not_sip) == 23U);
    BOOST_TEST(page.count(Counter::port_full) == 0U);
    page.traffic[1].arrived = 1;
    page.workers[3].arrived[1] = 2;
    page.workers[3].arrived[0] = 100;
    BOOST_TEST(page.arrived(1) == 3U);
    page.engine.beats = 9;
    page.workers[0].beats = 8;
    page.workers[1].beats = 7;
    page.engine.workers = 2;
    const Beats beats = beats_of(page);
    BOOST_TEST(beats[0] == 9U);
    BOOST_TEST(beats[1] == 8U);
    BOOST_TEST(beats[2] == 0U);
    page.engine.workers = 1000; // of a page that somebody has spoilt
    BOOST_TEST(beats_of(page)[2] == 7U);
}

BOOST_AUTO_TEST_CASE(another_version_is_refused, *boost::unit_test::timeout(10)) {
    const Directory directory;
    {
        const auto mapping = PageMapping::open(directory.path);
        BOOST_REQUIRE(mapping);
        (*mapping)->version = page_version + 1;
    }
    const auto version = PageMapping::open(directory.path);
    BOOST_REQUIRE(!version);
    BOOST_TEST(version.error().find(directory.path + "/page") != std::string::npos);
    BOOST_REQUIRE(::truncate((directory.path + "/page").c_str(), 100) == 0);
    BOOST_TEST(!PageMapping::open(directory.path).has_value());
}

BOOST_AUTO_TEST_CASE(a_link_in_its_place_is_refused, *boost::unit_test::timeout(10)) {
    const Directory directory;
    std::filesystem::create_symlink(directory.path + "/elsewhere", directory.path + "/page");
    BOOST_TEST(!PageMapping::open(directory.path).has_value());
    BOOST_TEST(!std::filesystem::exists(directory.path + "/elsewhere"));
}

BOOST_AUTO_TEST_CASE(a_directory_that_cannot_be_is_an_error, *boost::unit_test::timeout(10)) {
    const auto mapping = PageMapping::open("/proc/tandem-nowhere");
    BOOST_REQUIRE(!mapping);
    BOOST_TEST(mapping.error().find("/proc/tandem-nowhere") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::contract
