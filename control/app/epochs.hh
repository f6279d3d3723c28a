// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The epochs on disk, so that a node that comes back does not mistake its last term for a new one.
//
// One small text file, replaced whole: written beside, synced, renamed, the directory synced. Writing takes
// as long as the disk does and therefore happens beside a takeover, never before it: an epoch that was lost
// with a crash in these milliseconds is learned again from the peer's heartbeats. Also kept: which groups an
// operator has disabled here.

#include <cstdint>
#include <expected>
#include <map>
#include <string>

namespace tandem::app {

struct GroupRecord {
    std::uint64_t epoch{0};
    bool disabled{false};
    bool operator==(const GroupRecord&) const = default;
};

using Records = std::map<std::string, GroupRecord>;

/// Reads `state_dir`/groups. A file that is absent means that nothing was kept. A damaged one is an error
/// that says how to mend it.
std::expected<Records, std::string> load_records(const std::string& state_dir);

/// Replaces the file (and makes the directory, mode 0700).
std::expected<void, std::string> save_records(const std::string& state_dir, const Records& records);

} // namespace tandem::app
