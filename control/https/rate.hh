// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How often one address may come: a token bucket for each, in a table that does not grow.
//
// Problem: whoever has an IPv6 network has 2^64 addresses, and a table entry for each would be an attack of
// its own. Idea: an IPv6 address counts with its /64; the table has a bound, and whoever was not heard of for
// the longest time makes room. Time is an argument.

#include "control/ha/time.hh"
#include "dataplane/wire/address.hh"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>

namespace tandem::https {

/// The address as it is counted: an IPv4 address alone, an IPv6 address with its /64. An IPv4 address written
/// as IPv6 is an IPv4 address.
wire::IpAddress counted(const wire::IpAddress& address);
/// An IPv4 address written as IPv6 (RFC 4291 section 2.5.5.2) as what it is.
wire::IpAddress unmapped(const wire::IpAddress& address);

class RateLimiter {
public:
    static constexpr std::size_t addresses_max = 4096;

    RateLimiter(std::uint32_t per_minute, std::uint32_t burst)
        : per_minute_{per_minute}
        , burst_{burst} {}

    /// Those who are known keep what they have left.
    void reconfigure(std::uint32_t per_minute, std::uint32_t burst);

    enum class Verdict : std::uint8_t { take, refuse };
    Verdict ask(const wire::IpAddress& address, ha::Instant now);
    /// How long until the next one may come.
    ha::Duration spacing() const { return ha::Duration{std::chrono::minutes{1}} / per_minute_; }
    std::size_t size() const { return buckets_.size(); }

private:
    /// Kept as the moment from which the bucket is full again: what it lacks is the way there.
    struct Bucket {
        ha::Instant full{};
        std::list<wire::IpAddress>::iterator use;
    };
    std::int64_t per_minute_;
    std::int64_t burst_;
    std::map<wire::IpAddress, Bucket> buckets_;
    std::list<wire::IpAddress> uses_; ///< the one heard of last is at the front
};

} // namespace tandem::https
