// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A folder that goes away with the object, and entries to fill it with.

#include "control/ledger/entry.hh"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tandem::ledger::test {

class Folder {
public:
    Folder() {
        std::string name = "/tmp/tandem-ledger-XXXXXX";
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path(const std::string& name = "journal") const { return path_ + "/" + name; }

private:
    std::string path_;
};

inline std::string content(const std::string& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

inline void put(const std::string& file, std::string_view text) {
    std::ofstream{file, std::ios::binary} << text;
}

inline Entry entry(std::uint64_t sequence, std::uint32_t life = 7, std::uint8_t node = 1) {
    return {.sequence = sequence,
            .time = "2026-11-22T16:00:00.000001+00:00",
            .at = ha::Instant{std::chrono::nanoseconds{static_cast<std::int64_t>(sequence) * 1000}},
            .severity = Severity::info,
            .name = "path.up",
            .group = "sip",
            .text = "entry " + std::to_string(sequence),
            .data = {{"path", "ha"}},
            .node = node == 1 ? "a" : "b",
            .node_id = node,
            .life = life,
            .wall_us = 1'000'000 + static_cast<std::int64_t>(sequence) * 1000};
}

inline EntryPtr kept(Entry what) {
    return std::make_shared<const Entry>(std::move(what));
}

} // namespace tandem::ledger::test
