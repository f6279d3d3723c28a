// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The configuration as values: what /etc/tandem/tandem.toml says, checked, with every default filled in.
//
// Deliberately absent: the file format (load.hh), and anything that the running system decides.

#include "dataplane/contract/limits.hh"
#include "dataplane/contract/pattern.hh"
#include "dataplane/wire/address.hh"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::config {

enum class ConfiguredRole : std::uint8_t { secondary, primary };
enum class Mirroring : std::uint8_t { off, on };
enum class LogTarget : std::uint8_t { standard_error, syslog };

/// `[node]`: this machine.
struct Node {
    std::uint8_t id{0};                       ///< 1 or 2; different on the two nodes
    std::string name;                         ///< shown to people; default: the host name
    std::string run_dir{"/run/tandem"};       ///< socket and shared page
    std::string state_dir{"/var/lib/tandem"}; ///< epochs
    std::string shadow_interface{"tandem0"};  ///< the TUN interface that tandem makes
    std::uint32_t route_table{7100};          ///< routing table for what the shadow server sends
    std::uint32_t rule_priority{7100};        ///< of the rules that lead there
};

/// `[pair]`: what both nodes must agree on.
struct Pair {
    std::string id; ///< name of the pair, 1 to 32 characters
    std::string key_file{"/etc/tandem/pair.key"};
    std::chrono::microseconds interval{5000}; ///< `interval_ms`, 1 to 1000
    unsigned multiplier{3};                   ///< 3 to 50
    std::uint16_t stream_port{7100};          ///< TCP, TLS 1.3
    std::uint16_t heartbeat_port{7101};       ///< UDP
    std::uint16_t mirror_port{7102};          ///< UDP
};

/// `[[path]]`: one HA path.
struct Path {
    std::string name;
    wire::IpAddress local;
    wire::IpAddress peer;
};

/// `[[group]]`: one protected unit.
struct Group {
    std::string name;
    ConfiguredRole role{ConfiguredRole::secondary};
    std::uint8_t priority{100};     ///< 1 to 254; the higher wins between equal epochs
    std::string interface;          ///< outside interface of this node
    std::vector<wire::Prefix> vips; ///< host prefixes unless the file gives a length
    std::vector<std::uint16_t> sip_ports{5060};
    Mirroring mirroring{Mirroring::off};      ///< `[group.mirror] enabled`
    contract::RequestPattern request_pattern; ///< `[group.mirror] request_pattern`
};

/// `[engine]`: the fast path.
struct Engine {
    std::uint16_t queue{7}; ///< netfilter queue number
};

/// `[log]`.
struct Log {
    LogTarget target{LogTarget::standard_error};
};

struct Config {
    Node node;
    Pair pair;
    std::vector<Path> paths;
    std::vector<Group> groups;
    Engine engine;
    Log log;
    /// Of everything that both nodes must agree on (pair, group names, VIPs, patterns); 0 never.
    std::uint64_t digest{0};

    /// The longest time from a silent crash of the active to the decision of the standby: silence is counted
    /// from the last heartbeat, one interval may pass before the first that is missing.
    std::chrono::microseconds detection_worst_case() const { return pair.interval * (pair.multiplier + 1); }

    /// Silence for this long means that a path is down.
    std::chrono::microseconds detection_time() const { return pair.interval * pair.multiplier; }

    /// For how long the fast path may believe a role that nobody renews. Shorter than the detection time, so
    /// that a stalled node has stopped acting as active before the other takes over; at least two intervals,
    /// so that one late renewal does no harm. Both hold for every multiplier that a file may give, and are
    /// checked all the same.
    std::chrono::microseconds fast_path_lease() const { return pair.interval * (pair.multiplier - 1); }
};

} // namespace tandem::config
