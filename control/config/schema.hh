// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From the tree of values to the configuration: which keys there are, their types, ranges and defaults.
//
// Deliberately absent: how one value relates to another (checks.hh).

#include "control/config/section.hh"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

/// Where the values stand that are compared with each other or with the machine.
struct Places {
    struct PathPlaces {
        Place name;
        Place local;
        Place peer;
    };
    struct WatchPlaces {
        Place section;                   ///< of the group where the file has no `[group.watch]`
        std::optional<Place> traffic;    ///< where the key stands, if it does
        std::optional<Place> rx_silence; ///< likewise
        std::optional<Place> management; ///< likewise
        Place server_timeout;
        std::vector<Place> endpoints; ///< as many as Watch::endpoints
        std::vector<Place> witnesses; ///< as many as Watch::witnesses
    };
    struct FailbackPlaces {
        Place section;
        std::optional<Place> from;      ///< where the key stands, if it does
        std::optional<Place> to;        ///< likewise
        std::optional<Place> days;      ///< likewise
        std::optional<Place> calls_max; ///< likewise
    };
    struct CheckPlaces {
        Place name; ///< of the section where there is none
        Place source;
        Place timeout; ///< of the interval where there is none
    };
    /// A key that only one kind of engine has.
    struct BackendKey {
        std::string key;
        Place place;
        std::string why; ///< it says nothing with the other
    };
    struct PortPlaces {
        Place device;
        Place kernel_interface;
    };
    struct EnginePlaces {
        Place section; ///< nowhere where the file has no `[engine]`
        PortPlaces outside;
        PortPlaces inside;
        std::vector<PortPlaces> ha;  ///< as many as Engine::ha
        std::vector<Place> ha_paths; ///< likewise
        std::vector<Place> cores;    ///< as many as Engine::cores
    };
    struct GroupPlaces {
        Place section;
        Place name;
        Place interface;
        std::vector<Place> vips;
        std::vector<Place> sip_ports;
        std::optional<Place> forwarding; ///< where the key stands, if it does
        Place servers;                   ///< where the key stands; of the section where there is none
        std::vector<Place> server_list;  ///< as many as Group::servers
        std::vector<Place> inside_vips;  ///< as many as Group::inside_vips
        WatchPlaces watch;
        std::vector<CheckPlaces> checks; ///< as many as Group::checks
        FailbackPlaces failback;
    };
    Place interval;
    Place key_file;
    Place shadow_interface;
    Place stream_port;
    Place heartbeat_port;
    Place mirror_port;
    EnginePlaces engine;
    Place actions_user;                   ///< nowhere where the file has no `[actions]`
    std::vector<BackendKey> nfqueue_keys; ///< those that stand in the file
    std::vector<BackendKey> dpdk_keys;    ///< likewise
    std::vector<PathPlaces> paths;        ///< as many as Config::paths
    std::vector<GroupPlaces> groups;      ///< as many as Config::groups
};

/// A configuration that may still be wrong: what could be read of it, and where.
struct Draft {
    Config config;
    Places places;
};

/// Notes which of `keys` stand in the section.
void note_keys(const Section& section, std::initializer_list<std::string_view> keys, std::string_view why,
               std::vector<Places::BackendKey>& out);

/// Reads every section. What is wrong is complained of and left at its default (an address at "none").
Draft read_schema(const Table& root, Complaints& complaints);

} // namespace tandem::config
