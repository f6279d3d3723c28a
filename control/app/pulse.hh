// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The pulse: heartbeats and the role engine, on time.
//
// Problem: a heartbeat that is late by three intervals costs a takeover.
// Idea: one real-time thread that touches nothing slow. It reads heartbeats and commands, asks each group's
// engine, pushes the grant ahead, sends heartbeats, and hands everything that may block to the hand (kernel)
// or the service (people, disk, TLS). It allocates nothing after its start, opens no file and logs nothing.
// Deliberately absent: netlink, TLS, text.

#include "control/announce/announce.hh"
#include "control/app/errands.hh"
#include "control/app/lateness.hh"
#include "control/app/lifeline.hh"
#include "control/app/messages.hh"
#include "control/ha/node.hh"
#include "control/link/beat_socket.hh"
#include "control/watch/look.hh"
#include "dataplane/contract/page.hh"

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tandem::app {

/// One group as the pulse needs it.
struct PulseGroup {
    std::uint32_t name_hash{0};
    ha::Policy policy;
    announce::ClaimWatch claims;
    announce::Announcer probe;
    std::optional<watch::Look> look; ///< absent: there is no address from which the service can be asked
    bool port_usable{true};          ///< at the start
};

struct PulseSettings {
    std::uint32_t pair_hash{0};
    std::uint8_t node_id{0};
    std::uint32_t incarnation{0};
    std::uint64_t config_digest{0};
    contract::Backend backend{contract::Backend::nfqueue};
};

/// What the pulse shows to the service; replaced at every beat.
struct PulseSnapshot {
    struct Path {
        link::BeatCounters counters;
        std::int64_t rtt_ns{0}; ///< last; 0: none yet
        std::int64_t rtt_min_ns{0};
    };
    std::array<ha::View, contract::groups_max> groups;
    /// Frames in which another station spoke as the owner of one of the group's VIPs, ever.
    std::array<std::uint64_t, contract::groups_max> claims{};
    std::array<Path, contract::paths_max> paths;
    std::uint64_t peer_config_digest{0};
    std::uint32_t peer_incarnation{0};
    Lateness beats;                   ///< how late heartbeats have left
    std::uint64_t late_max_us{0};     ///< longest time that the pulse came late, ever
    std::uint64_t errands_refused{0}; ///< what the hand's full queue did not take
    std::uint64_t groups_unknown{0};  ///< heartbeats that spoke of a group that is not configured here
};
static_assert(std::is_trivially_copyable_v<PulseSnapshot>);

class Pulse {
public:
    /// `page`, `lifeline` and the mailboxes outlive the pulse.
    Pulse(const PulseSettings& settings, std::vector<PulseGroup> groups, std::vector<link::BeatSocket> paths,
          contract::Page& page, Lifeline& lifeline, ToPulse& commands, FromPulse& notes, ToHand& hand,
          FromHand& results, EndedTerms& terms);
    ~Pulse();
    Pulse(const Pulse&) = delete;
    Pulse& operator=(const Pulse&) = delete;

    void start();
    /// Waits for the thread to end; send it `Stop` first.
    void join();

    /// Any thread: the last snapshot. False if it was being replaced all the time.
    bool snapshot(PulseSnapshot& into) const noexcept { return snapshot_.read(into); }
    /// What the system refused for real-time work; empty until `start` has returned and when all is well.
    const std::vector<std::string>& shortcomings() const { return shortcomings_; }

private:
    struct Group {
        std::uint32_t name_hash;
        ha::Node node;
        announce::ClaimWatch claims;
        announce::Announcer probe; ///< asked from here: the wait for its answer begins when it has left
        std::optional<watch::Look> look;
        wire::MacAddress claimant;  ///< of the last claim: whom to ask for the service
        bool looked_in_vain{false}; ///< asked without being able to ask
        bool in_sync{false};
        bool raised{false};       ///< the kernel took the addresses
        std::uint64_t arrived{0}; ///< packets from outside seen so far, for stragglers
        ha::Instant renew_due{};
        bool port_told{true}; ///< what the service said last of the outside port
        bool port_fed{true};  ///< what the role engine knows of it
    };

    void run();
    void turn(ha::Instant woke, ha::Duration late);
    ha::Instant next_wake() const;
    void read_path(std::size_t path);
    void on_beat(std::size_t path, const wire::Beat& beat);
    void read_claims(Group& group);
    void read_look(Group& group);
    wire::BeatGroup say(const Group& group) const;
    void read_commands();
    void on_command(const PulseCommand& command);
    void read_results();
    void watch_port(Group& group);
    void watch_stragglers(Group& group, std::size_t index);
    void feed(Group& group, const ha::Input& input);
    void drain(Group& group);
    void apply(Group& group, const ha::Output& output);
    void repair(std::size_t index);
    void make_good(std::size_t index);
    void renew(ha::Instant at);
    void beat(ha::Instant at);
    void publish();
    std::size_t index_of(const Group& group) const {
        return static_cast<std::size_t>(&group - groups_.data());
    }
    void to_hand(Act act, const Group& group, std::uint64_t epoch,
                 contract::Standing standing = contract::Standing::none);

    PulseSettings settings_;
    std::vector<Group> groups_;
    std::vector<link::BeatSocket> paths_;
    contract::Page& page_;
    Lifeline& lifeline_;
    ToPulse& commands_;
    FromPulse& notes_;
    Errands errands_;
    FromHand& results_;
    EndedTerms& terms_;
    std::thread thread_;
    std::vector<std::string> shortcomings_;
    std::atomic<bool> prepared_{false};
    bool running_{false};
    bool beat_now_{false};
    ha::Duration interval_{};
    ha::Instant beat_due_{};
    struct Echo {
        std::uint64_t sent_ns{0};
        ha::Instant received{};
    };
    std::array<Echo, contract::paths_max> echoes_{};
    wire::Beat newest_; ///< the latest that the peer has said, over all paths
    PulseSnapshot shown_{};
    contract::Guarded<PulseSnapshot> snapshot_;
};

} // namespace tandem::app
