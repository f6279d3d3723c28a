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
enum class Placement : std::uint8_t { absent, on_outside }; ///< of a VIP on this node's outside interface
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

struct Group {
    std::string name;
    std::string configured_role; ///< "primary" or "secondary"
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
    std::string pattern; ///< the request pattern in canonical form; empty: any message
};

struct Peer {
    PeerState state{PeerState::unknown};
    unsigned node_id{0};
    std::string name; ///< empty: not known yet
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
};

struct Mirror {
    std::uint64_t sent{0};      ///< by this node while it was active
    std::uint64_t confirmed{0}; ///< of those, handled by the peer
    std::uint64_t received{0};  ///< by this node while it was standby
    std::uint64_t lost{0};      ///< of those sent to this node, not repaired
    Sync sync{Sync::unknown};   ///< of the stream in its present direction
};

struct Engine {
    EngineState state{EngineState::absent};
    std::int64_t pid{0}; ///< 0: none
    std::string backend; ///< "nfqueue"
};

struct Detection {
    double interval_ms{0};
    unsigned multiplier{0};
    double worst_case_ms{0}; ///< from a silent crash to the decision
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
    Numbers counters;
    std::vector<std::string> alarms;   ///< the service is in danger: sentences
    std::vector<std::string> warnings; ///< something is not as it should be: sentences
};

boost::json::object to_json(const NodeStatus& status);

/// ISO 8601 with milliseconds and the offset of this machine's time zone: 2026-07-01T12:00:00.123+02:00
std::string iso8601(WallClock::time_point time);

} // namespace tandem::status
