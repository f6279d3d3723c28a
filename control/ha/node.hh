// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The role engine: one group on one node.
//
// Problem: two nodes must agree at every moment on who serves a group, over links that fail, while each of
// them may stall, die or be told to stop; and the answer to a crash must come within milliseconds. Idea: a
// state machine with one door in (`on`) and one door out (`next`). It decides and performs nothing; what is
// to be done comes out in the order in which it is to be done. Roles are moved by three kinds of fact: what
// the peer says in heartbeats, the proof or the suspicion that it is dead, and what this node knows of
// itself. Deliberately absent: clocks, sockets, addresses, threads, randomness, logging.
//
//            peer heard, or the wait is over          peer active, or it wins the vacancy
//      init ------------------------------> standby <-------------------------- fault / disabled
//                                          |       ^                              ^
//          peer dead, resigned or unfit;   |       | higher epoch seen,           | port lost, addresses
//          refused, vacancy won; probe unanswered   v       | handed over                  | operator
//                                           active ------------------------------+

#include "control/ha/arbiter.hh"
#include "control/ha/input.hh"
#include "control/ha/liveness.hh"
#include "control/ha/output.hh"
#include "control/ha/repeat.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::ha {

inline constexpr std::size_t paths_max = 4;

enum class InitialState : std::uint8_t { enabled, disabled };

/// What the group's configuration and history say. Every duration is positive.
struct Policy {
    std::uint8_t node_id{1};
    ConfiguredRole configured{ConfiguredRole::secondary};
    std::uint8_t priority{100};
    std::size_t paths{1}; ///< 1 to paths_max
    Duration interval{std::chrono::milliseconds{5}};
    unsigned multiplier{3};
    std::uint64_t known_epoch{0}; ///< highest that may have been in use before; 0: the group never served
    InitialState initial{InitialState::enabled};

    /// How long a node that hears no peer listens before it may claim the group alone.
    Duration lone_wait{std::chrono::seconds{3}};
    /// How long the active waits for the peer to follow a resignation.
    Duration resign_wait{std::chrono::seconds{1}};
    /// After a planned switchover stragglers are redirected at least this long,
    Duration yield_min{std::chrono::milliseconds{700}};
    /// until none came for this long,
    Duration yield_quiet{std::chrono::milliseconds{400}};
    /// but never longer than this.
    Duration yield_max{std::chrono::seconds{10}};
    /// How long an answer to a probe is awaited before an unplanned takeover,
    Duration probe_wait{std::chrono::milliseconds{1}};
    /// before the first claim after a start,
    Duration probe_wait_start{std::chrono::milliseconds{50}};
    /// and how long after an answered probe the next one goes out.
    Duration probe_again{std::chrono::milliseconds{20}};
    /// How long the kernel's refusal of the addresses keeps the node in `fault`.
    Duration fault_wait{std::chrono::seconds{1}};

    /// Silence on a path for this long means that it is down.
    Duration detection() const { return interval * multiplier; }
    /// How far ahead the grant reaches; always below the detection time, so that the packet path of a node
    /// whose brain stalled has stopped before the peer takes over.
    Duration lease() const { return interval * (multiplier - 1); }
};

enum class PeerState : std::uint8_t { unknown, up, silent, gone, left };

std::string_view to_string(PeerState state);

/// What status shows and what the next heartbeat says.
struct View {
    Role role{Role::init};
    std::uint64_t epoch{0};
    Instant since{}; ///< of the role
    Event reason{Event::started};
    std::uint64_t transitions{0};
    bool resigning{false};
    bool yielding{false};
    bool probing{false};
    bool leaving{false};
    bool ready{false}; ///< could take over at once, as far as the engine and `Readiness` say
    bool holds{false}; ///< the VIPs are on the outside interface
    PeerState peer{PeerState::unknown};
    std::optional<PeerBeat> peer_said;
    std::array<PathWatch, paths_max> paths;
};

class Node {
public:
    Node(const Policy& policy, Instant now);

    /// Something happened. Never throws, never blocks, performs nothing. `now` never goes back.
    void on(Instant now, const Input& input);

    /// What is to be done, in order; drain after every `on`.
    std::optional<Output> next();

    /// Call `on(now, Tick{})` by then.
    Instant deadline() const;

    const View& view() const { return view_; }
    const Policy& policy() const { return policy_; }

    /// May the grant (active or yielding) be renewed at this moment? False while the node is neither, and for
    /// a moment after it stalled, until it knows that the peer has not taken over.
    bool may_renew(Instant now) const;

private:
    struct Probing {
        Event cause{};
        Instant until{};
        Instant detected{};
        Duration wait{};
        bool answered{false};
        bool told{false};
        bool repeated{false};
    };
    enum class Purpose : std::uint8_t { failover, disable, leave };
    struct Resigning {
        Instant until{};
        Purpose purpose{};
        std::uint32_t ticket{0};
    };
    struct Yielding {
        Instant began{};
        Instant straggler{};
    };

    void on_tick(Instant now, const Tick& tick);
    void on_beat(Instant now, const PeerBeat& beat);
    void on_gone(const PeerGone& gone);
    void on_claim(Instant now);
    void on_port(Instant now, const Port& port);
    void on_raised(Instant now, const Raised& raised);
    void on_operator(Instant now, const Operator& command);
    void fail_over(Instant now, const Operator& command, Purpose purpose);
    void fail_back(Instant now, const Operator& command);
    void disable(Instant now, const Operator& command);
    void leave(Instant now, const Operator& command);

    void judge_paths(Instant now);
    void judge_peer(Instant now);
    void evaluate(Instant now);
    void evaluate_init(Instant now);
    void evaluate_standby(Instant now);
    void evaluate_vacancy(Instant now);
    void evaluate_active(Instant now);
    void evaluate_yield(Instant now);
    void evaluate_probe(Instant now);

    void consider_takeover(Instant now, Event cause, Duration probe_wait);
    void become_active(Instant now, Event cause, Instant detected);
    void become_standby(Instant now, Event cause);
    void fall(Instant now, Role to, Event cause);
    void yield(Instant now, Role to);
    void end_resignation(Instant now, Refusal refusal);
    void set_role(Instant now, Role role, Event cause);
    void update_view();

    bool peer_is_active() const;
    bool eligible() const;
    Claimant self_claim() const;
    Claimant peer_claim() const;

    void put(const Output& output);
    void report(Event event, std::uint64_t value = 0);
    void answer(std::uint32_t ticket, Refusal refusal);

    Policy policy_;
    View view_;
    Instant now_{};
    Instant started_{};
    Instant woke_{}; ///< when an input last came after a gap longer than the lease
    bool port_usable_{true};
    bool ready_{false};
    bool leaving_{false};
    bool raised_{false};           ///< the kernel took the addresses of this term
    bool conflict_{false};         ///< the peer was active at the same time and has not released yet
    bool restarted_active_{false}; ///< the peer's brain began a new life while it was active
    Instant fault_until_{};
    Instant
        doubt_until_{}; ///< after a stall: do not renew the grant before the peer was heard, or until then
    Instant vacancy_since_{end_of_time};
    Instant claim_answered_{}; ///< when a claim was last answered with an announcement
    std::optional<Probing> probing_;
    std::optional<Resigning> resigning_;
    std::optional<Yielding> yielding_;
    AnnounceSchedule announcements_;

    static constexpr std::size_t outputs_max = 64;
    std::array<Output, outputs_max> outputs_{};
    std::size_t outputs_head_{0};
    std::size_t outputs_tail_{0};
};

} // namespace tandem::ha
