// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/next_hops.hh"

#include <algorithm>

namespace tandem::path {

NextHops::NextHops(std::uint64_t seed, std::size_t neighbours)
    : seed_(seed)
    , neighbours_(neighbours) {
    routes_.reserve(routes_max + 1);
    own_.reserve(own_max);
}

std::uint64_t NextHops::hash_of(const Key& key) const {
    return table::SeededHash{seed_}.add(key.address).add(static_cast<std::uint64_t>(key.segment)).value();
}

void NextHops::set_route(const HopChange& change) {
    drop_route(change);
    const Route route{{change.address, change.length}, change.gateway, change.segment};
    const auto at = std::find_if(routes_.begin(), routes_.end(),
                                 [&](const Route& r) { return r.prefix.length < change.length; });
    routes_.insert(at, route);
    if (routes_.size() > routes_max)
        routes_.pop_back(); // the widest: the rest still leads somewhere
}

void NextHops::drop_route(const HopChange& change) {
    std::erase_if(routes_, [&](const Route& r) {
        return r.segment == change.segment && r.prefix.length == change.length &&
               r.prefix.address == change.address;
    });
}

void NextHops::apply(const HopChange& change) {
    using enum HopChange::What;
    ++version_;
    const Key key{change.address, change.segment};
    const std::uint64_t hash = hash_of(key);
    switch (change.what) {
    case forget_all:
        routes_.clear();
        own_.clear();
        while (neighbours_.size() > 0)
            neighbours_.erase(neighbours_.oldest());
        break;
    case neighbour: {
        auto index = neighbours_.find(key, hash);
        if (index == neighbours_.none) {
            if (neighbours_.full())
                neighbours_.erase(neighbours_.oldest());
            index = neighbours_.add(table::Instant{}, key, hash);
        }
        neighbours_[index] = change.mac;
        break;
    }
    case neighbour_gone:
        if (const auto index = neighbours_.find(key, hash); index != neighbours_.none)
            neighbours_.erase(index);
        break;
    case route:
        set_route(change);
        break;
    case route_gone:
        drop_route(change);
        break;
    case own:
        if (!is_own(change.address) && own_.size() < own_max)
            own_.push_back(change.address);
        break;
    case own_gone:
        std::erase(own_, change.address);
        break;
    }
}

NextHops::Hop NextHops::neighbour(Segment segment, const wire::IpAddress& address) const {
    const Key key{address, segment};
    const auto index = neighbours_.find(key, hash_of(key));
    if (index == neighbours_.none)
        return {Hop::Found::unknown, {}, address};
    return {Hop::Found::known, neighbours_[index], address};
}

NextHops::Hop NextHops::find(Segment segment, const wire::IpAddress& destination) const {
    // fe80::/10 (RFC 4291 section 2.5.6): never behind a router.
    if (destination.is_v6() && destination.octets[0] == 0xfe && (destination.octets[1] & 0xc0U) == 0x80)
        return neighbour(segment, destination);
    for (const Route& route : routes_)
        if (route.segment == segment && route.prefix.contains(destination))
            return neighbour(segment,
                             route.gateway.family == wire::Family::none ? destination : route.gateway);
    return {};
}

bool NextHops::is_own(const wire::IpAddress& address) const {
    return std::find(own_.begin(), own_.end(), address) != own_.end();
}

} // namespace tandem::path
