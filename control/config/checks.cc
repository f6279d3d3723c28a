// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/checks.hh"

#include "dataplane/wire/ha_frame.hh"

#include <algorithm>
#include <map>
#include <set>

namespace tandem::config {
namespace {

using wire::IpAddress;

std::string at_line(Place place) {
    return "line " + std::to_string(place.line);
}

void check_ports(const Pair& pair, const Places& places, Complaints& complaints) {
    struct Port {
        std::string_view key;
        std::uint16_t number;
        Place place;
    };
    const std::array<Port, 3> ports{{{"stream_port", pair.stream_port, places.stream_port},
                                     {"heartbeat_port", pair.heartbeat_port, places.heartbeat_port},
                                     {"mirror_port", pair.mirror_port, places.mirror_port}}};
    for (std::size_t i = 1; i < ports.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (ports[i].number != ports[j].number)
                continue;
            // The one of the two that stands in the file is the one to complain of.
            const Port& named = ports[i].place.line >= ports[j].place.line ? ports[i] : ports[j];
            const Port& other = &named == &ports[i] ? ports[j] : ports[i];
            complaints.add(named.place,
                           "\"" + std::string{named.key} + "\" is the same as \"" + std::string{other.key} +
                               "\"",
                           "the three ports of the HA link must differ (defaults: 7100, 7101, 7102)");
        }
    }
}

void check_paths(const Draft& draft, Complaints& complaints) {
    const auto& paths = draft.config.paths;
    std::map<std::string, Place> names;
    std::map<IpAddress, Place> addresses;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const Path& path = paths[i];
        const auto& places = draft.places.paths[i];
        if (!path.name.empty()) {
            const auto [first, fresh] = names.emplace(path.name, places.name);
            if (!fresh)
                complaints.add(places.name, "path " + quoted(path.name) + " is there twice",
                               "the first is at " + at_line(first->second) + "; give each path its own name");
        }
        const bool both = path.local.size() > 0 && path.peer.size() > 0;
        if (both && path.local.family != path.peer.family)
            complaints.add(places.peer, "\"local\" and \"peer\" of a path are not of the same family",
                           "use two IPv4 or two IPv6 addresses");
        const std::array ends{std::pair{path.local, places.local}, std::pair{path.peer, places.peer}};
        for (const auto& [address, place] : ends) {
            if (address.size() == 0)
                continue;
            const auto [first, fresh] = addresses.emplace(address, place);
            if (!fresh)
                complaints.add(place, "address " + address.to_string() + " is used twice by HA paths",
                               "it is already at " + at_line(first->second) +
                                   "; each end of each path needs its own address");
        }
    }
}

void check_group_names(const Draft& draft, Complaints& complaints) {
    std::map<std::string, Place> names;
    std::map<std::uint32_t, std::string> hashes;
    for (std::size_t i = 0; i < draft.config.groups.size(); ++i) {
        const std::string& name = draft.config.groups[i].name;
        const Place place = draft.places.groups[i].name;
        if (name.empty())
            continue;
        const auto [first, fresh] = names.emplace(name, place);
        if (!fresh) {
            complaints.add(place, "group " + quoted(name) + " is there twice",
                           "the first is at " + at_line(first->second) + "; give each group its own name");
            continue;
        }
        // Heartbeats carry a hash of the name: two groups with the same hash could not be told apart.
        const auto [same, unique] = hashes.emplace(wire::name_hash(name.data(), name.size()), name);
        if (!unique)
            complaints.add(place,
                           "group names " + quoted(name) + " and " + quoted(same->second) +
                               " have the same hash in heartbeats",
                           "rename one of them");
    }
}

void check_vips(const Draft& draft, Complaints& complaints) {
    std::map<IpAddress, Place> vips;
    std::map<IpAddress, Place> ends;
    for (std::size_t i = 0; i < draft.config.paths.size(); ++i) {
        ends.emplace(draft.config.paths[i].local, draft.places.paths[i].local);
        ends.emplace(draft.config.paths[i].peer, draft.places.paths[i].peer);
    }
    std::size_t count = 0;
    for (std::size_t i = 0; i < draft.config.groups.size(); ++i) {
        const Group& group = draft.config.groups[i];
        const auto& places = draft.places.groups[i];
        for (std::size_t j = 0; j < group.vips.size(); ++j) {
            const IpAddress& vip = group.vips[j].address;
            const auto [first, fresh] = vips.emplace(vip, places.vips[j]);
            if (!fresh)
                complaints.add(places.vips[j], "VIP " + vip.to_string() + " is there twice",
                               "the first is at " + at_line(first->second) + "; remove one of them");
            if (const auto end = ends.find(vip); end != ends.end())
                complaints.add(places.vips[j], "VIP " + vip.to_string() + " is the address of an HA path",
                               "the path is at " + at_line(end->second) +
                                   "; a VIP moves between the nodes, a path's address must not");
            if (++count == contract::vips_max + 1)
                complaints.add(places.vips[j], "the groups have too many VIPs together",
                               "at most " + std::to_string(contract::vips_max));
        }
    }
}

void check_groups(const Draft& draft, Complaints& complaints) {
    for (std::size_t i = 0; i < draft.config.groups.size(); ++i) {
        const Group& group = draft.config.groups[i];
        const auto& places = draft.places.groups[i];
        if (!group.interface.empty() && group.interface == draft.config.node.shadow_interface)
            complaints.add(places.interface, "the group's interface is the shadow interface",
                           "name the interface on which phones reach the VIPs");
        std::set<std::uint16_t> ports;
        for (std::size_t j = 0; j < places.sip_ports.size(); ++j)
            if (!ports.insert(group.sip_ports[j]).second)
                complaints.add(places.sip_ports[j],
                               "SIP port " + std::to_string(group.sip_ports[j]) + " is there twice",
                               "remove one of them");
    }
}

void check_lease(const Draft& draft, Complaints& complaints) {
    const Config& config = draft.config;
    if (config.fast_path_lease() >= config.detection_time() ||
        config.fast_path_lease() < 2 * config.pair.interval)
        complaints.add(draft.places.interval, "the role lease would not end before the other node takes over",
                       "use a multiplier of at least 3");
}

class Fnv1a64 {
public:
    void add(std::string_view text) {
        for (const char c : text)
            hash_ = (hash_ ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
    }
    /// One line of the canonical text.
    void add_line(std::string_view key, std::string_view value) {
        add(key);
        add(" ");
        add(value);
        add("\n");
    }
    std::uint64_t value() const { return hash_; }

private:
    std::uint64_t hash_{14695981039346656037ULL};
};

/// The paths whose mirror is not sealed, by their ends: each node may have its own name for a path.
void add_clear_paths(const Config& config, Fnv1a64& hash) {
    std::set<std::pair<std::string, std::string>> ends;
    for (const EngineHaPort& ha : config.engine.ha)
        for (const Path& path : config.paths)
            if (ha.mirror == contract::MirrorSeal::clear && ha.path == path.name) {
                const auto [first, second] = std::minmax(path.local, path.peer);
                ends.emplace(first.to_string(), second.to_string());
            }
    for (const auto& [first, second] : ends)
        hash.add_line("mirror_in_clear", first + " " + second);
}

} // namespace

void check(const Draft& draft, Complaints& complaints) {
    check_ports(draft.config.pair, draft.places, complaints);
    check_paths(draft, complaints);
    check_group_names(draft, complaints);
    check_groups(draft, complaints);
    check_vips(draft, complaints);
    check_watch(draft, complaints);
    check_appliance(draft, complaints);
    check_lease(draft, complaints);
}

std::uint64_t digest_of(const Config& config) {
    Fnv1a64 hash;
    hash.add_line("pair", config.pair.id);
    hash.add_line("interval_us", std::to_string(config.pair.interval.count()));
    hash.add_line("multiplier", std::to_string(config.pair.multiplier));
    hash.add_line("stream_port", std::to_string(config.pair.stream_port));
    hash.add_line("heartbeat_port", std::to_string(config.pair.heartbeat_port));
    hash.add_line("mirror_port", std::to_string(config.pair.mirror_port));
    add_clear_paths(config, hash);
    std::vector<Group> groups = config.groups;
    std::ranges::sort(groups, {}, &Group::name);
    for (Group& group : groups) {
        hash.add_line("group", group.name);
        std::ranges::sort(group.vips);
        for (const auto& vip : group.vips)
            hash.add_line("vip", vip.to_string());
        std::ranges::sort(group.sip_ports);
        for (const auto port : group.sip_ports)
            hash.add_line("sip_port", std::to_string(port));
        hash.add_line("mirroring", group.mirroring == Mirroring::on ? "on" : "off");
        hash.add_line("request_pattern", group.request_pattern.to_string());
        if (group.forwarding != contract::Forwarding::host) // or host mode would differ from earlier versions
            hash.add_line("forwarding",
                          group.forwarding == contract::Forwarding::nat ? "nat" : "transparent");
        std::ranges::sort(group.inside_vips);
        for (const auto& vip : group.inside_vips)
            hash.add_line("inside_vip", vip.to_string());
    }
    // 0 means "none" in heartbeats.
    return hash.value() == 0 ? 1 : hash.value();
}

} // namespace tandem::config
