// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/rate.hh"

#include <algorithm>

namespace tandem::https {

wire::IpAddress unmapped(const wire::IpAddress& address) {
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const auto& o = address.octets;
    if (address.is_v6() && std::equal(mapped.begin(), mapped.end(), o.begin()))
        return wire::IpAddress::v4({o[12], o[13], o[14], o[15]});
    return address;
}

wire::IpAddress counted(const wire::IpAddress& address) {
    wire::IpAddress out = unmapped(address);
    if (out.is_v6())
        std::fill(out.octets.begin() + 8, out.octets.end(), std::uint8_t{0});
    return out;
}

void RateLimiter::reconfigure(std::uint32_t per_minute, std::uint32_t burst) {
    per_minute_ = per_minute;
    burst_ = burst;
}

RateLimiter::Verdict RateLimiter::ask(const wire::IpAddress& address, ha::Instant now) {
    const wire::IpAddress key = counted(address);
    auto found = buckets_.find(key);
    if (found == buckets_.end()) {
        if (buckets_.size() >= addresses_max) {
            buckets_.erase(uses_.back());
            uses_.pop_back();
        }
        uses_.push_front(key);
        found = buckets_.emplace(key, Bucket{now, uses_.begin()}).first;
    } else {
        uses_.splice(uses_.begin(), uses_, found->second.use);
    }
    const ha::Instant begin = std::max(found->second.full, now);
    if (begin + spacing() > now + spacing() * burst_)
        return Verdict::refuse;
    found->second.full = begin + spacing();
    return Verdict::take;
}

} // namespace tandem::https
