// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What one node says of itself: the answer to `status`.
//
// Problem: the command line, the console, SNMP and the peer all want the same facts at the same moment.
// Idea: one plain snapshot, filled by the service loop, and one JSON form of it. Everything that people read
// is computed from that form, so that an older or a newer peer's status can be shown too. Deliberately
// absent: where the facts come from, and words for people (render.hh).

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::status {

using WallClock = std::chrono::system_clock;

enum class PeerState : std::uint8_t { unknown, up, down }; ///< unknown: never heard since the start
enum class PathState : std::uint8_t { never, up, down };   ///< never: no valid heartbeat since the start
enum class StreamState : std::uint8_t { down, up };
enum class Placement : std::uint8_t { absent, on_outside }; ///< of a VIP on this node's interface
enum class Readiness : std::uint8_t { not_ready, ready };
enum class Mirroring : std::uint8_t { off, on };
enum class Sync : std::uint8_t { unknown, behind, in_sync };
enum class EngineState : std::uint8_t { absent, running, attached };

/// Named numbers, in the order in which they are to be shown.
using Numbers = std::vector<std::pair<std::string, std::uint64_t>>;

struct Vip {
    std::string address; ///< without prefix length
    Placement placement{Placement::absent};
};

/// A monitor of a group.
struct Monitor {
    std::string name;
    std::string state; ///< "off", "unknown", "ok", "repairing", "degraded", "failed"
    std::string detail;
    WallClock::time_point since{};
    std::uint64_t failures{0}; ///< since the start
};

/// The checks of a group.
struct Checks {
    Numbers states;                ///< how many are in which state; states without any are left out
    std::vector<std::string> down; ///< names, the first of them
};

/// What the damper of hand-overs for want of health or service does.
struct Damper {
    unsigned factor{1};                        ///< 1, 2 or 4
    std::optional<std::uint64_t> remaining_ms; ///< until the next is permitted; absent: it is now
};

struct Failback {
    std::string policy;                 ///< for people: "manual", "auto, after 60 s"
    std::optional<std::uint64_t> in_ms; ///< foreseen; absent: not
    std::optional<std::uint64_t>
        window_in_ms; ///< until its window opens; 0: it is open; absent: there is none
};

/// A condition that lasts.
struct Alarm {
    std::string code;
    std::string group;   ///< empty: concerns the node
    std::string subject; ///< which path, which monitor; may be empty
    std::string sentence;
    WallClock::time_point since{};
    std::string id{};              ///< over both nodes: "1.17"
    std::string severity{};        ///< "warning", "minor", "major", "critical"
    std::string acknowledged_by{}; ///< empty: nobody
};

struct Group {
    std::string name;
    std::string configured_role; ///< "primary" or "secondary": what holds now
    std::string role;            ///< "init", "standby", "active", "fault", "disabled"
    std::uint64_t epoch{0};
    std::vector<Vip> vips;
    std::string interface;
    unsigned priority{0};
    Readiness readiness{Readiness::not_ready};
    std::string reason;            ///< why it is in this role, or not ready: a sentence without a full stop
    WallClock::time_point since{}; ///< of the role
    std::uint64_t transitions{0};  ///< role changes since the start
    Mirroring mirroring{Mirroring::off};
    std::string pattern;            ///< the request pattern in canonical form; empty: any message
    std::string file_role;          ///< what the file says; empty: the same as `configured_role`
    unsigned score{0};              ///< health, 0 to 1000
    std::vector<std::string> lacks; ///< what keeps it from taking over without loss, in words
    bool isolated{false};           ///< cut off from the outside network
    unsigned hysteresis{0};
    Damper damper;
    Failback failback;
    std::optional<std::uint64_t> calls; ///< up, as far as this node has seen them; absent: not known
    std::vector<Monitor> monitors;
    Checks checks;
    std::string forwarding;           ///< "host", "transparent", "nat"
    std::vector<std::string> servers; ///< behind an appliance, for each VIP
    std::vector<Vip> inside_vips;     ///< of an appliance; `on_outside` means: on the inside interface
};

struct Peer {
    PeerState state{PeerState::unknown};
    unsigned node_id{0};
    std::string name; ///< empty: not known yet
};

/// How the mirror goes over a path.
enum class MirrorWay : std::uint8_t {
    kernel,    ///< by a socket, sealed
    port,      ///< by a port of the packet engine, sealed
    port_clear ///< likewise, not sealed
};

struct Path {
    std::string name;
    std::string local;
    std::string peer;
    PathState state{PathState::never};
    StreamState stream{StreamState::down};
    std::optional<std::uint64_t> rtt_us_last;
    std::optional<std::uint64_t> rtt_us_min;
    std::optional<double> last_heard_ms; ///< age of the last valid heartbeat
    Numbers counters;                    ///< datagrams and connections refused on this path, by reason
    MirrorWay mirror{MirrorWay::kernel};
};

struct Mirror {
    std::uint64_t sent{0};      ///< by this node while it was active
    std::uint64_t confirmed{0}; ///< of those, handled by the peer
    std::uint64_t received{0};  ///< by this node while it was standby
    std::uint64_t lost{0};      ///< of those sent to this node, not repaired
    Sync sync{Sync::unknown};   ///< of the stream in its present direction
};

/// A port of an appliance's engine.
struct Port {
    std::string name; ///< "outside", "inside", or the HA path's
    std::string kernel_interface;
    bool link{false};
    std::uint64_t speed_mbps{0};
    Numbers counters;
    std::vector<Numbers> queues; ///< pairs of queues, each used by the worker of its number
};

struct Engine {
    EngineState state{EngineState::absent};
    std::int64_t pid{0};            ///< 0: none
    std::string backend;            ///< "nfqueue", "dpdk"
    std::vector<Numbers> workers{}; ///< of an appliance: what each has counted, but for 0
    std::vector<Port> ports{};      ///< of an appliance
};

struct Detection {
    double interval_ms{0};
    unsigned multiplier{0};
    double worst_case_ms{0}; ///< from a silent crash to the decision, the probe of the network included
};

/// How punctually this node's heartbeats leave.
struct Beats {
    std::uint64_t sent{0};           ///< those that were due
    Numbers later_than_us;           ///< how many left later than so many microseconds after they were due
    std::uint64_t late_max_us{0};    ///< since the start
    std::uint64_t late_minute_us{0}; ///< the worst of the last minute
};

struct NodeStatus {
    unsigned node_id{0};
    std::string name;
    std::string version;
    std::uint32_t incarnation{0};
    std::chrono::milliseconds uptime{0};
    WallClock::time_point now{};
    std::string pair_id;
    std::uint64_t config_digest{0};
    std::vector<Group> groups;
    Peer peer;
    std::vector<Path> paths;
    Mirror mirror;
    Engine engine;
    Detection detection;
    Beats beats;
    Numbers counters;
    std::uint64_t alarms_ended{0};     ///< whose condition is over, and that are not cleared
    std::vector<Alarm> alarms;         ///< the service is in danger, or something is not as it should be
    std::vector<std::string> warnings; ///< conditions of the host, found at the start: sentences
};

boost::json::object to_json(const NodeStatus& status);

/// ISO 8601 with milliseconds and the offset of this machine's time zone: 2026-07-01T12:00:00.123+02:00
std::string iso8601(WallClock::time_point time);

} // namespace tandem::status
