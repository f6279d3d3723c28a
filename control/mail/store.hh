// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The folder of the letters that wait: one file each, whole or not there.
//
// These functions wait for the disk and belong on a thread that may. Deliberately absent: what a letter's
// turn is.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::mail {

/// A letter as it is kept.
struct Kept {
    std::string id; ///< 16 hexadecimal digits
    std::string from;
    std::vector<std::string> to;
    std::string subject;
    std::string body;
    std::int64_t created_ms{0}; ///< since 1970
    bool digest{false};         ///< it goes as part of a digest

    std::size_t octets() const { return subject.size() + body.size() + 64 * (to.size() + 2); }
};

bool is_id(std::string_view text);

/// One file's content, and back; an unreadable one gives nothing.
std::string to_text(const Kept& letter);
std::expected<Kept, std::string> from_text(std::string_view text);

struct Found {
    std::vector<Kept> letters;           ///< in the order in which they were made
    std::vector<std::string> unreadable; ///< names of files that are put aside, with the reason
    std::string trouble;                 ///< why the folder cannot be read; empty: it could, or there is none
};
/// Reads at most so many; half-written files are removed.
Found read_folder(const std::string& folder, std::size_t letters_max);

/// A sentence on failure.
std::expected<void, std::string> keep(const std::string& folder, const Kept& letter);
/// It may be gone already.
void remove(const std::string& folder, std::string_view id);

} // namespace tandem::mail
