// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What must survive a restart: the epochs, who was disabled, and the roles that `role follow` has set.
//
// Problem: a node that comes back must not mistake its last term for a new one, and must not forget what an
// operator has decided; but a disk takes as long as it likes, may be full, and may be gone. Idea: one small
// text file, replaced whole: written beside, synced, renamed, the directory synced. So the file is always one
// of the states that were saved. Writing happens beside a takeover, never before it.
//
// What is guaranteed: a node that ends in order knows its last epoch exactly. One that crashed counts one
// epoch more than the file says, because its last term may have begun in the milliseconds before the file was
// written. More than one unwritten term needs a disk that refuses, which is an alarm all the time, and the
// peer's heartbeats tell the epoch then. An epoch that was counted and not used does no harm: only the order
// counts. Deliberately absent: retrying (see service.hh).

#include "control/config/config.hh"

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>

namespace tandem::app {

/// A configured role that replaces the file's, until the file says something new.
struct KeptRole {
    config::ConfiguredRole role{config::ConfiguredRole::secondary};
    config::ConfiguredRole file{config::ConfiguredRole::secondary}; ///< what the file said at that time
    std::uint8_t serial{0};                                         ///< travels in heartbeats; the later wins
    bool operator==(const KeptRole&) const = default;
};

struct GroupRecord {
    std::uint64_t epoch{0};
    bool disabled{false};
    std::optional<KeptRole> role;
    bool operator==(const GroupRecord&) const = default;
};

using Records = std::map<std::string, GroupRecord>;

/// How the life ended that wrote the file.
enum class Ending : std::uint8_t {
    orderly, ///< nothing happened after the file was written
    open,    ///< it runs, or crashed
};

struct Store {
    Records records;
    Ending ending{Ending::orderly};
};

/// Reads `state_dir`/groups. A file that is absent means that nothing was kept. A damaged one is an error
/// that says how to mend it.
std::expected<Store, std::string> load_records(const std::string& state_dir);

/// Replaces the file (and makes the directory, mode 0700). A sentence on failure; the file is then as it was.
std::expected<void, std::string> save_records(const std::string& state_dir, const Store& store);

/// The highest epoch that may have been in use. Pure.
std::uint64_t known_epoch(const GroupRecord& record, Ending ending);

/// The role that holds for a group whose file says `file`: a file that has changed since the record was made
/// is the later word, with a serial number of its own. Nothing when the file alone counts. Pure.
std::optional<KeptRole> settle_role(config::ConfiguredRole file, const std::optional<KeptRole>& kept);

} // namespace tandem::app
