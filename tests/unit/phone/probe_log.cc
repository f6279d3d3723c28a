// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/probe_log.hh"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

using namespace tandem::phone;

namespace {

std::string scratch_file() {
    return (std::filesystem::temp_directory_path() / ("probe-log-" + std::to_string(::getpid()))).string();
}

} // namespace

BOOST_AUTO_TEST_CASE(the_file_holds_what_was_written_and_no_more) {
    const std::string file = scratch_file();
    {
        auto log = ProbeLog::create(file, 1000);
        BOOST_REQUIRE(log);
        BOOST_TEST(log->capacity() == 1000U);
        log->entries()[0] = {.sent_ns = 11, .answered_ns = 12, .status = 200, .flags = sent_late};
        log->entries()[1].sent_ns = 21;
        log->header().sent = 2;
    }
    BOOST_TEST(std::filesystem::file_size(file) == sizeof(ProbeLogHeader) + 2 * sizeof(ProbeLogEntry));
    std::ifstream in(file, std::ios::binary);
    ProbeLogHeader header;
    ProbeLogEntry entry;
    in.read(reinterpret_cast<char*>(&header), sizeof header);
    in.read(reinterpret_cast<char*>(&entry), sizeof entry);
    BOOST_TEST(header.magic == probe_log_magic);
    BOOST_TEST(header.entry_size == sizeof(ProbeLogEntry));
    BOOST_TEST(entry.answered_ns == 12);
    BOOST_TEST(entry.flags == sent_late);
    std::filesystem::remove(file);
}

BOOST_AUTO_TEST_CASE(a_place_that_cannot_be_written_is_an_error) {
    const auto log = ProbeLog::create("/proc/nowhere/log", 10);
    BOOST_REQUIRE(!log);
    BOOST_TEST(log.error().find("/proc/nowhere/log") == 0U);
}
