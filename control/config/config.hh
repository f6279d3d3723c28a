// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The configuration as values: what /etc/tandem/tandem.toml says, checked, with every default filled in.
//
// Deliberately absent: the file format (load.hh), and anything that the running system decides.

#include "control/config/action_settings.hh"
#include "control/config/api_settings.hh"
#include "control/config/check_settings.hh"
#include "control/config/email_settings.hh"
#include "control/config/ledger_settings.hh"
#include "control/config/snmp_settings.hh"
#include "dataplane/contract/appliance.hh"
#include "dataplane/contract/limits.hh"
#include "dataplane/contract/pattern.hh"
#include "dataplane/contract/policy.hh"
#include "dataplane/wire/address.hh"

#include <chrono>
#include <cstdint>
#include <optional>
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
    bool operator==(const Node&) const = default;
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
    bool operator==(const Pair&) const = default;
};

/// `[[path]]`: one HA path.
struct Path {
    std::string name;
    wire::IpAddress local;
    wire::IpAddress peer;
    bool operator==(const Path&) const = default;
};

/// An endpoint whose answer to OPTIONS proves that calls can still reach somebody
/// (`[[group.watch.endpoint]]`).
struct WatchedEndpoint {
    std::string name;
    wire::IpAddress address;
    std::uint16_t port{5060};
    std::chrono::seconds oos_check{60}; ///< an OPTIONS after so long without a message from it
    std::chrono::seconds oos_force{
        5}; ///< failed when nothing came for so long after that; below 5 counts as 5
    bool operator==(const WatchedEndpoint&) const = default;
};

/// A monitor that may count in the health score: `weight` is subtracted from 1000 while it has failed.
enum class Monitor : std::uint8_t { off, on };

/// `[group.watch]`: the monitors, each with its own switch.
struct Watch {
    Monitor vip{Monitor::off};      ///< the VIPs are where they should be, and nobody else answers for them
    Monitor nic{Monitor::off};      ///< carrier of the outside interface and of each HA path's
    Monitor traffic{Monitor::off};  ///< SIP traffic, together with the endpoints
    Monitor listener{Monitor::off}; ///< the SIP server has bound the group's SIP ports
    Monitor process{Monitor::off};  ///< `process`: the SIP server's process, see `process_match`
    Monitor server{Monitor::on};    ///< the SIP server answers OPTIONS at the VIP on this node
    std::string process_match;      ///< absolute path of a pid file, or of the executable
    std::chrono::seconds rx_silence{0}; ///< of `nic`: nothing received for so long; 0: not looked at
    std::string management_interface;   ///< of `nic`: watched too, alarm only; empty: none
    std::chrono::milliseconds server_interval{1000};
    std::chrono::milliseconds server_timeout{500};
    std::chrono::milliseconds rise{3000}; ///< how long a monitor must be well before it counts as such
    std::chrono::seconds alternate{10};   ///< patience of `listener` and `process` before the role alternates
    std::vector<WatchedEndpoint> endpoints;
    std::vector<wire::IpAddress> witnesses; ///< isolated when none of them answers; empty: not looked at
    std::chrono::milliseconds witness_interval{100};
    unsigned witness_fail{3}; ///< so many rounds in a row without any answer
    std::uint16_t nic_weight{300};
    std::uint16_t vip_weight{300};
    std::uint16_t listener_weight{1000};
    std::uint16_t process_weight{1000};
    std::uint16_t server_weight{1000};
    std::uint16_t traffic_weight{300};
    bool operator==(const Watch&) const = default;
};

enum class FailbackPolicy : std::uint8_t { manual, automatic, window };

/// `[group.failback]`: when the group returns to its primary.
struct Failback {
    FailbackPolicy policy{FailbackPolicy::manual};
    std::chrono::seconds hold{60};
    /// Of `window`: minutes after local midnight, [from, to); from > to goes over midnight.
    std::uint16_t from_minute{0};
    std::uint16_t to_minute{0};
    std::uint8_t days{0x7f}; ///< bit 0 Monday … bit 6 Sunday: the day on which the window begins
    std::optional<std::uint32_t>
        calls_max; ///< of `window`: not while more calls are up; absent: not looked at
    bool operator==(const Failback&) const = default;
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
    contract::Forwarding forwarding{contract::Forwarding::host};
    /// With an appliance: where the SIP server is on the inside network; see server_of.
    std::vector<wire::IpAddress> servers;
    /// With an appliance: addresses on the inside interface of the active, for servers that both nodes share.
    std::vector<wire::Prefix> inside_vips;
    Watch watch;
    std::vector<CheckSettings> checks;
    Failback failback;
    std::uint16_t hysteresis{100};                ///< the peer's score must be better by more than this
    std::chrono::milliseconds damper_base{10000}; ///< see ha::Policy::damper_base
    bool operator==(const Group&) const = default;
};

/// The address of the server behind one VIP: the only one of the VIP's family, or the one at the same
/// position where there are as many as VIPs; of no family when there is neither.
wire::IpAddress server_of(const Group& group, std::size_t vip);

/// `[engine.outside]`, `[engine.inside]`: a port that DPDK owns.
struct EnginePort {
    std::string device;           ///< a PCI address, or a virtual device with its arguments
    std::string kernel_interface; ///< the TAP behind it
    std::vector<std::uint16_t> vlan;
    std::uint16_t mtu{1500};
    bool operator==(const EnginePort&) const = default;
};

/// `[[engine.ha]]`: the port of one HA path.
struct EngineHaPort {
    std::string path; ///< its name
    EnginePort port;
    contract::MirrorSeal mirror{contract::MirrorSeal::sealed};
    bool operator==(const EngineHaPort&) const = default;
};

/// `[engine]`: the fast path.
struct Engine {
    contract::Backend backend{contract::Backend::nfqueue};
    std::uint16_t queue{7}; ///< of `nfqueue`: netfilter queue number
    // Of `dpdk`; defaults as in contract::Appliance.
    contract::Idle idle{contract::Idle::sleep};
    contract::Hugepages hugepages{contract::Hugepages::automatic};
    std::uint16_t sleep_max_us{80};
    std::uint32_t memory_mb{128};
    std::uint32_t mbufs{16'384};
    std::vector<std::uint16_t> cores; ///< of the workers; empty: one worker, on any
    EnginePort outside;
    EnginePort inside;
    std::vector<EngineHaPort> ha;

    // Of either: how much is kept of what passes by; memory is taken as it is needed.
    std::uint32_t registrations_max{100'000};
    std::uint32_t dialogs_max{50'000};
    std::uint32_t flows_max{100'000};

    /// This node stands in front of the SIP server instead of running on its host.
    bool is_appliance() const { return backend == contract::Backend::dpdk; }
    bool operator==(const Engine&) const = default;
};

enum class Capturing : std::uint8_t { off, on };

/// `[capture]`: the ring of the last packets.
struct Capture {
    Capturing enabled{Capturing::on};
    std::chrono::seconds seconds{30};
    std::uint32_t octets{32U << 20U}; ///< `bytes`
    bool operator==(const Capture&) const = default;
};

/// `[log]`.
struct Log {
    LogTarget target{LogTarget::standard_error};
    bool operator==(const Log&) const = default;
};

struct Config {
    Node node;
    Pair pair;
    std::vector<Path> paths;
    std::vector<Group> groups;
    Engine engine;
    Capture capture;
    std::optional<EmailSettings> email;
    std::optional<SnmpSettings> snmp; ///< nothing: nobody is notified
    Log log;
    Actions actions;
    std::optional<Api> api; ///< nothing: no remote actions
    Ledger ledger;          ///< `[journal]` and `[alarm]`
    /// Of everything that both nodes must agree on (pair, group names, VIPs, patterns); 0 never.
    std::uint64_t digest{0};

    /// Before an unplanned takeover the network is asked whether somebody has the VIPs; so long the answer is
    /// awaited.
    static constexpr std::chrono::microseconds probe_time{1000};

    /// The longest time from a silent crash of the active to the decision of the standby: silence is counted
    /// from the last heartbeat, one interval may pass before the first that is missing, and then comes the
    /// probe.
    std::chrono::microseconds detection_worst_case() const {
        return pair.interval * (pair.multiplier + 1) + probe_time;
    }

    /// Silence for this long means that a path is down.
    std::chrono::microseconds detection_time() const { return pair.interval * pair.multiplier; }

    /// For how long the fast path may believe a role that nobody renews. Shorter than the detection time, so
    /// that a stalled node has stopped acting as active before the other takes over; at least two intervals,
    /// so that one late renewal does no harm. Both hold for every multiplier that a file may give, and are
    /// checked all the same.
    std::chrono::microseconds fast_path_lease() const { return pair.interval * (pair.multiplier - 1); }
};

} // namespace tandem::config
