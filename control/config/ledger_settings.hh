// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[journal]` and `[alarm]`: how much is remembered of what happened, and how alarms end.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

/// `[journal]`.
struct JournalSettings {
    std::uint32_t size_mb{16};        ///< on disk, of each node's events
    std::size_t kept_in_memory{4096}; ///< events
    bool operator==(const JournalSettings&) const = default;
};

/// What becomes of an alarm whose condition has ended.
enum class AlarmClear : std::uint8_t {
    automatic, ///< it is cleared
    manual,    ///< it stays until an operator clears it
    after,     ///< it stays for a time
};

/// How grave an alarm is, in the words of ITU-T X.733.
enum class AlarmSeverity : std::uint8_t { warning, minor, major, critical };

/// `[[alarm.rule]]`: what is absent is as for all.
struct AlarmRule {
    std::string code;
    std::optional<AlarmClear> clear;
    std::optional<std::chrono::seconds> clear_after;
    std::optional<AlarmSeverity> severity;
    bool operator==(const AlarmRule&) const = default;
};

/// `[alarm]`.
struct AlarmSettings {
    AlarmClear clear{AlarmClear::automatic};
    std::chrono::seconds clear_after{3600}; ///< of `after`
    std::vector<AlarmRule> rules;
    bool operator==(const AlarmSettings&) const = default;
};

/// Both, as the file gives them.
struct Ledger {
    JournalSettings journal;
    AlarmSettings alarm;
    bool operator==(const Ledger&) const = default;
};

/// Every code that an alarm may have: a rule for another one would never have an effect. docs/events.md says
/// what each means.
inline constexpr std::array alarm_codes = std::to_array<std::string_view>(
    {"check.down", "checks.late", "config.differs", "damped", "dual_active", "engine.absent", "isolated",
     "journal.not_kept", "mail.stuck", "mirror.clear_refused", "monitor.degraded", "monitor.failed",
     "path.down", "peer.down", "peer.unreachable_but_serving", "role.fault", "stalled", "state.not_kept"});

} // namespace tandem::config
