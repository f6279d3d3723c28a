// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Every refusal is counted; of the same kind from the same address one is told in an interval.
//
// Problem: a log line for each refused request lets whoever is refused fill the disk. Idea: an address and a
// reason are told once, and again after an interval with how many there were meanwhile; the table has a
// bound, and when it is full, one line a interval tells of all others.

#include "control/ha/time.hh"
#include "dataplane/wire/address.hh"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::https {

enum class Refusal : std::uint8_t {
    address_filter,
    too_many_connections,
    connection_rate,
    handshake,
    too_slow,
    malformed,
    too_large,
    request_rate,
    no_credentials,
    wrong_credentials,
    scope,
    not_served,
    brain_away,
    brain_refused,
};
inline constexpr std::size_t refusal_kinds = 14;

/// Stable, for counters and log lines.
std::string_view to_string(Refusal refusal);

class Refusals {
public:
    static constexpr ha::Duration interval = std::chrono::minutes{1};
    static constexpr std::size_t pairs_max = 1024;

    using Tell = std::function<void(const std::string& line)>;
    explicit Refusals(Tell tell)
        : tell_{std::move(tell)} {}

    void add(const wire::IpAddress& address, Refusal refusal, ha::Instant now);
    std::uint64_t count(Refusal refusal) const { return counts_[static_cast<std::size_t>(refusal)]; }

private:
    struct Told {
        ha::Instant at{};
        std::uint64_t untold{0};
    };
    using Key = std::pair<wire::IpAddress, Refusal>;
    void forget_old(ha::Instant now);

    Tell tell_;
    std::array<std::uint64_t, refusal_kinds> counts_{};
    std::map<Key, Told> told_;
    Told others_; ///< for whom there was no place
    bool others_told_{false};
};

} // namespace tandem::https
