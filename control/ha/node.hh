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
#include "control/ha/dampener.hh"
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

/// When the group returns to the configured primary (DESIGN section 7).
enum class Failback : std::uint8_t {
    manual,    ///< an operator says so; the default
    automatic, ///< after the primary was ready for `failback_hold` without a break
    window,    ///< likewise, and only while FailbackWindow is open
};

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
    /// which leaves so long before the silence is established that it costs nothing (at most as long as the
    /// answer is awaited; zero: it leaves when the silence is),
    Duration probe_ahead{};
    /// before the first claim after a start,
    Duration probe_wait_start{std::chrono::milliseconds{50}};
    /// and how long after an answered probe the next one goes out.
    Duration probe_again{std::chrono::milliseconds{20}};
    /// How long an answer of the service itself is awaited when somebody answered the probe,
    Duration look_wait{std::chrono::milliseconds{200}};
    /// and how long after an answered look the next one is made.
    Duration look_again{std::chrono::seconds{1}};
    /// An active node that did not run for this long gives up before it does anything else: the kernel has
    /// dropped its addresses or is about to, and the peer has taken over if it is alive.
    Duration pause_limit{std::chrono::seconds{1}};
    /// The peer's score must be better by more than this before the active hands over because of it.
    std::uint16_t hysteresis{100};
    /// And for so long, unless it is this node that became worse.
    Duration better_wait{std::chrono::seconds{2}};
    /// Base of the damper: a second hand-over for want of health or service without proof of service between
    /// them waits 2 times this, the following ones 4 times.
    Duration damper_base{std::chrono::seconds{10}};
    Failback failback{Failback::manual};
    Duration failback_hold{std::chrono::seconds{60}};
    /// Serial number of `configured`, kept with it; compared modulo 256.
    std::uint8_t role_serial{0};
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
    bool ready{false}; ///< standby, and lacks nothing: could take over at once without loss
    bool holds{false}; ///< the VIPs are on the outside interface
    ConfiguredRole configured{ConfiguredRole::secondary};
    std::uint8_t role_serial{0};
    std::uint16_t score{score_max}; ///< own; 0 while isolated or in `fault`
    std::uint8_t lacks{0};          ///< see Lack
    bool isolated{false};           ///< no carrier, or no witness answers
    bool serving_elsewhere{false};  ///< peer unreachable, but the service answers at the VIP
    bool dual_active{false};        ///< both are active, as far as this node can see
    unsigned damper_factor{1};      ///< 1, 2 or 4
    Instant damped_until{};         ///< no hand-over for want of health before then; in the past: not damped
    Instant failback_at{end_of_time}; ///< when the group will return by itself; end_of_time: not foreseen
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
    /// An unplanned takeover waits for the network to agree; see takeover.cc.
    struct Probing {
        Event cause{};
        Instant detected{};
        Duration wait{};                 ///< for the answer to one probe
        Instant until{};                 ///< the verdict on the probe that is out
        bool answered{false};            ///< the probe that is out
        bool repeated{false};            ///< after an own pause, once
        Instant look_until{end_of_time}; ///< the verdict on the look that is out
        Instant look_more{end_of_time};  ///< the question may have been lost: it is asked again then
        Instant look_at{};               ///< the next look, while probes are answered
        unsigned looks{0};               ///< questions of the look that is out
        bool served{false};              ///< the last look found the service
        bool told{false};
    };
    /// The question to the network that went out before the silence was established.
    struct Ahead {
        Instant sent{};
        bool answered{false};
    };
    enum class Purpose : std::uint8_t { failover, disable, leave };
    /// Why this node asks the peer to take over.
    enum class Trigger : std::uint8_t { command, isolation, health, service, failback };
    struct Resigning {
        Instant until{};
        Purpose purpose{};
        Trigger trigger{};
        std::optional<std::uint32_t> ticket; ///< of the operator who waits for the answer
        bool claimed{false};                 ///< a station that may be the peer spoke as the owner meanwhile
    };
    struct Yielding {
        Instant began{};
        Instant straggler{};
    };
    /// A rival that was not heard for so long has released: it answers every second, and two may be lost.
    static constexpr Duration rival_silence{std::chrono::milliseconds{2500}};
    /// A station that claims the VIPs while no path is up and this node is active: perhaps the peer.
    struct Rival {
        std::uint64_t station{0};
        Instant since{};
        Instant last{};
        unsigned claims{0};
        bool decided{false}; ///< this node stays
    };

    // inputs.cc: what is learned
    void on_tick(Instant now, const Tick& tick);
    void on_beat(Instant now, const PeerBeat& beat);
    void on_gone(const PeerGone& gone);
    void on_port(Instant now, const Port& port);
    void on_witness(Instant now, const Witness& witness);
    void on_health(const Health& health);
    void on_service(const Service& service);
    void on_proof(Instant now);
    void on_raised(Instant now, const Raised& raised);
    bool paused(Instant now, Duration late);
    void follow_peer(const PeerBeat& beat);
    void judge_paths(Instant now);
    void judge_peer(Instant now);

    // takeover.cc: how a node becomes active
    void evaluate_init(Instant now);
    void evaluate_standby(Instant now);
    void evaluate_vacancy(Instant now);
    void evaluate_fault(Instant now);
    void evaluate_probe(Instant now);
    void look(Instant now);
    void on_looked(Instant now, const Looked& looked);
    void consider_takeover(Instant now, Event cause, Duration probe_wait);
    Instant ask_ahead_at() const;
    Duration start_wait() const;
    void become_active(Instant now, Event cause, Instant detected);
    void become_standby(Instant now, Event cause);

    // handover.cc: how a node ceases to be active
    void evaluate_active(Instant now);
    void evaluate_resignation(Instant now);
    void evaluate_hand_over(Instant now);
    void evaluate_yield(Instant now);
    void watch_failback(Instant now);
    void watch_scores(Instant now);
    void resign(Instant now, const Resigning& how, Event event, std::uint64_t value = 0);
    void fall(Instant now, Role to, Event cause, std::uint64_t value = 0);
    void yield(Instant now, Role to);
    void end_resignation(Instant now, Refusal refusal);

    // conflict.cc: two who both speak as the owner
    bool lost_to_heard_peer(Instant now);
    void on_claim(Instant now, const Claim& claim);
    bool lost_to_rival(Instant now, std::uint64_t station);
    void forget_rival(Instant now);
    bool may_be_peer(std::uint64_t station) const;
    bool outranks_rival() const;

    // operator.cc
    void on_operator(Instant now, const Operator& command);
    void fail_over(Instant now, const Operator& command, Purpose purpose);
    void take_over_by_order(Instant now, const Operator& command);
    void fail_back(Instant now, const Operator& command);
    void enable(Instant now, const Operator& command);
    void disable(Instant now, const Operator& command);
    void leave(Instant now, const Operator& command);
    void follow(const Operator& command);
    Refusal peer_refusal() const;
    bool overridden(const Operator& command, Refusal refusal);

    // node.cc
    void evaluate(Instant now);
    void set_role(Instant now, Role role, Event cause);
    void set_configured(ConfiguredRole configured, std::uint8_t serial);
    void update_view();

    bool peer_is_active() const;
    bool peer_could_serve() const;
    bool peer_is_better() const;
    bool eligible() const;
    bool isolated() const { return !port_usable_ || !witness_reachable_; }
    std::uint16_t own_score() const;
    std::uint8_t own_lacks() const;
    Instant unserved_until() const;
    Instant failback_at() const;
    Instant better_at() const;
    Claimant self_claim() const;
    Claimant peer_claim() const;

    void put(const Output& output);
    void report(Event event, std::uint64_t value = 0);
    void answer(std::uint32_t ticket, Refusal refusal);

    Policy policy_;
    View view_;
    Instant now_{};
    Instant started_{};
    Instant woke_{}; ///< when an input last came after a pause that was longer than the lease
    /// Something other than a tick ended such a gap: nothing is said to the network before a tick has told
    /// whether this node was paused.
    bool tick_owed_{false};
    bool port_usable_{true};
    bool witness_reachable_{true};
    std::uint8_t lacks_{lack_engine}; ///< as given; before the first word nothing is known to work
    std::uint16_t score_{score_max};  ///< as given
    Service service_{};
    bool window_open_{false};
    bool leaving_{false};
    bool raised_{false};           ///< the kernel took the addresses of this term
    bool conflict_{false};         ///< the peer was active at the same time and has not released yet
    bool restarted_active_{false}; ///< the peer's brain began a new life while it was active
    bool damped_told_{false};      ///< in this episode
    std::uint64_t granted_{0};     ///< the last epoch under which this node was active
    Instant fault_until_{};
    Instant heard_{};     ///< when the peer's last heartbeat was read
    Instant proven_at_{}; ///< when the peer's process was last proven dead: news only in that very moment
    /// After a stall: do not renew the grant before the peer was heard, or until then.
    Instant doubt_until_{};
    Instant vacancy_since_{end_of_time};
    Instant failback_since_{end_of_time};
    Instant better_since_{end_of_time}; ///< the peer, by more than the hysteresis
    bool fell_{false};                  ///< because this node's score fell
    Instant resign_again_{};            ///< nobody followed the last resignation: not before then by itself
    Instant unserved_again_{};          ///< lost to a rival: no takeover from one that answers before then
    Instant claim_answered_{};          ///< when a claim was last answered with an announcement
    Duration claim_spacing_{};          ///< until the next answer
    std::uint64_t peer_station_{0};     ///< who claimed the VIPs when the peer was known to be active
    std::optional<Probing> probing_;
    std::optional<Ahead> ahead_;
    Instant solicited_until_{}; ///< who speaks as the owner before then may have answered it
    std::optional<Resigning> resigning_;
    std::optional<Yielding> yielding_;
    std::optional<Rival> rival_;
    Dampener dampener_;
    AnnounceSchedule announcements_;

    static constexpr std::size_t outputs_max = 64;
    std::array<Output, outputs_max> outputs_{};
    std::size_t outputs_head_{0};
    std::size_t outputs_tail_{0};
};

} // namespace tandem::ha
