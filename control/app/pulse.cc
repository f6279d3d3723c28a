// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/pulse.hh"

#include "control/app/clock.hh"
#include "control/app/realtime.hh"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tandem::app {
namespace {

/// How often the kernel's lease of the VIPs is renewed: several times within netlink::vip_lease.
constexpr ha::Duration renew_interval = std::chrono::milliseconds{200};
/// The pulse turns at least this often, so that the guard sees it live whatever the interval is.
constexpr ha::Duration turn_max = std::chrono::milliseconds{5};

constexpr std::size_t descriptors_max = 2 + contract::paths_max + 2 * contract::groups_max;

// The numbers of the engine's words stand on the wire.
static_assert(ha::lack_engine == static_cast<int>(wire::beat_lacks_engine));
static_assert(ha::lack_mirror == static_cast<int>(wire::beat_lacks_mirror));
static_assert(ha::lack_server == static_cast<int>(wire::beat_lacks_server));
static_assert(ha::lack_config == static_cast<int>(wire::beat_lacks_config));
static_assert(ha::lack_yield == static_cast<int>(wire::beat_lacks_yield));
static_assert(ha::lack_reach == static_cast<int>(wire::beat_lacks_reach));
static_assert(ha::lack_state == static_cast<int>(wire::beat_lacks_state));

/// A link-layer address as a number, for the role engine, which knows no addresses.
std::uint64_t number_of(const wire::MacAddress& mac) {
    std::uint64_t number = 0;
    for (const std::uint8_t octet : mac.octets)
        number = number << 8U | octet;
    return number;
}

timespec to_timespec(ha::Duration d) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(d);
    return {seconds.count(), (d - seconds).count()};
}

} // namespace

Pulse::Pulse(const PulseSettings& settings, std::vector<PulseGroup> groups,
             std::vector<link::BeatSocket> paths, contract::Page& page, Lifeline& lifeline, ToPulse& commands,
             FromPulse& notes, ToHand& hand, FromHand& results, EndedTerms& terms)
    : settings_(settings)
    , paths_(std::move(paths))
    , page_(page)
    , lifeline_(lifeline)
    , commands_(commands)
    , notes_(notes)
    , errands_(hand)
    , results_(results)
    , terms_(terms) {
    const ha::Instant start = now();
    interval_ = groups.front().policy.interval;
    for (PulseGroup& group : groups) {
        groups_.push_back(Group{group.name_hash,
                                ha::Node{group.policy, start},
                                std::move(group.claims),
                                std::move(group.probe),
                                std::move(group.look),
                                {},
                                false,
                                false,
                                false,
                                0,
                                {},
                                group.port_usable,
                                group.port_usable});
        groups_.back().node.on(start, ha::Port{group.port_usable});
    }
}

Pulse::~Pulse() {
    join();
}

void Pulse::start() {
    running_ = true;
    thread_ = std::thread{[this] { run(); }};
    prepared_.wait(false);
}

void Pulse::join() {
    if (thread_.joinable())
        thread_.join();
}

void Pulse::run() {
    ::pthread_setname_np(::pthread_self(), "tandem-pulse");
    if (auto sentence = become_realtime(pulse_priority))
        shortcomings_.push_back(*sentence);
    prepared_ = true;
    prepared_.notify_all();

    std::array<pollfd, descriptors_max> waiting{};
    std::size_t count = 0;
    const auto watch = [&](int descriptor) { waiting[count++] = {descriptor, POLLIN, 0}; };
    watch(commands_.descriptor());
    watch(results_.descriptor());
    for (const auto& path : paths_)
        watch(path.descriptor());
    for (const auto& group : groups_) {
        watch(group.claims.descriptor());
        if (group.look)
            watch(group.look->descriptor());
    }

    // From here on the guard sees the end of this thread at once.
    if (::pthread_mutex_lock(&lifeline_.alive) == EOWNERDEAD)
        ::pthread_mutex_consistent(&lifeline_.alive);
    beat_due_ = now();
    lifeline_.started.store(1);
    while (running_) {
        const ha::Instant wake = next_wake();
        const ha::Instant before = now();
        int ready = 0;
        if (wake > before) {
            const timespec patience = to_timespec(wake - before);
            ready = ::ppoll(waiting.data(), count, &patience, nullptr);
        }
        const ha::Instant woke = now();
        // Late is what lies between the moment we asked for and the moment we run. Woken by a descriptor in
        // time, we are not late; waiting with a passed deadline counts from that deadline.
        const ha::Duration late = woke > wake && (ready <= 0 || wake <= before || woke - wake > interval_)
                                      ? woke - wake
                                      : ha::Duration::zero();
        turn(woke, late);
    }
    ::pthread_mutex_unlock(&lifeline_.alive);
}

ha::Instant Pulse::next_wake() const {
    ha::Instant soonest = beat_due_;
    for (const Group& group : groups_)
        soonest = std::min(soonest, group.node.deadline());
    return std::min(soonest, now() + turn_max);
}

/// One round: what came, what time it is, what follows, what is said.
void Pulse::turn(ha::Instant woke, ha::Duration late) {
    for (std::size_t path = 0; path < paths_.size(); ++path)
        read_path(path);
    for (Group& group : groups_) {
        read_claims(group);
        read_look(group);
    }
    read_results();
    read_commands();
    shown_.late_max_us = std::max(shown_.late_max_us, static_cast<std::uint64_t>(late.count() / 1000));
    for (Group& group : groups_) {
        watch_port(group);
        watch_stragglers(group, index_of(group));
        feed(group, ha::Tick{late});
        make_good(index_of(group));
    }
    const bool due = woke >= beat_due_;
    if (due || beat_now_) {
        const ha::Instant at = now();
        renew(at);
        beat(at);
        beat_now_ = false;
        if (due) {
            const ha::Instant left = now();
            shown_.beats.note(left, left - beat_due_);
            beat_due_ += interval_;
            if (beat_due_ <= at) // after a stall the rhythm begins anew instead of catching up
                beat_due_ = at + interval_;
        }
        publish();
    }
    lifeline_.beats.fetch_add(1, std::memory_order_relaxed);
}

// ---- what comes in ----

void Pulse::read_path(std::size_t path) {
    wire::Beat beat;
    // Bounded: a flood on this port must not keep the pulse from its other work.
    for (int attempts = 0; attempts < 512; ++attempts) {
        switch (paths_[path].receive(beat)) {
        case link::Received::beat:
            on_beat(path, beat);
            break;
        case link::Received::unreachable:
            for (Group& group : groups_)
                feed(group, ha::PeerGone{path});
            break;
        case link::Received::refused:
            break;
        case link::Received::nothing:
            return;
        }
    }
}

void Pulse::on_beat(std::size_t path, const wire::Beat& beat) {
    const ha::Instant received = now();
    echoes_[path] = {beat.sent_ns, received};
    // Paths differ in delay: what was said earlier than what is already known is a sign of life and no more.
    const bool overtaken = beat.incarnation == newest_.incarnation && beat.sent_ns < newest_.sent_ns;
    if (!overtaken)
        newest_ = beat;
    shown_.peer_config_digest = beat.config_digest;
    shown_.peer_incarnation = beat.incarnation;
    if (beat.echo_ns != 0) {
        const std::int64_t rtt = to_ns(received) - static_cast<std::int64_t>(beat.echo_ns) -
                                 static_cast<std::int64_t>(beat.echo_age_us) * 1000;
        PulseSnapshot::Path& shown = shown_.paths[path];
        if (rtt >= 0) {
            shown.rtt_ns = rtt;
            shown.rtt_min_ns = shown.rtt_min_ns == 0 ? rtt : std::min(shown.rtt_min_ns, rtt);
        }
    }
    for (std::size_t i = 0; i < newest_.group_count; ++i) {
        const wire::BeatGroup& said = newest_.groups[i];
        const auto group = std::find_if(groups_.begin(), groups_.end(),
                                        [&](const Group& g) { return g.name_hash == said.name_hash; });
        if (group == groups_.end() || said.role > static_cast<std::uint8_t>(ha::Role::disabled)) {
            ++shown_.groups_unknown;
            continue;
        }
        feed(*group, ha::PeerBeat{.path = path,
                                  .node_id = newest_.node_id,
                                  .incarnation = newest_.incarnation,
                                  .role = static_cast<ha::Role>(said.role),
                                  .epoch = said.epoch,
                                  .configured = (said.flags & wire::beat_primary) != 0
                                                    ? ha::ConfiguredRole::primary
                                                    : ha::ConfiguredRole::secondary,
                                  .priority = said.priority,
                                  .score = said.score,
                                  .lacks = said.lacks,
                                  .role_serial = said.role_serial,
                                  .ready = (said.flags & wire::beat_ready) != 0,
                                  .resigning = (said.flags & wire::beat_resigning) != 0,
                                  .holds = (said.flags & wire::beat_holds) != 0,
                                  .leaving = (said.flags & wire::beat_leaving) != 0});
    }
}

void Pulse::read_claims(Group& group) {
    announce::Claim claim;
    for (int attempts = 0; attempts < 64 && group.claims.next(claim); ++attempts) {
        group.claimant = claim.claimant;
        ++shown_.claims[index_of(group)];
        feed(group, ha::Claim{number_of(claim.claimant)});
    }
}

void Pulse::read_look(Group& group) {
    // Where the service cannot be asked, whoever answers for the VIP is taken to serve it: two actives are
    // worse than none.
    if (group.look ? group.look->answered() : std::exchange(group.looked_in_vain, false))
        feed(group, ha::Looked{true});
}

void Pulse::read_results() {
    results_.settle();
    HandResult result;
    while (results_.receive(result)) {
        Group& group = groups_[result.group];
        group.raised = result.error == 0;
        feed(group, ha::Raised{result.error == 0, result.epoch});
    }
}

void Pulse::read_commands() {
    commands_.settle();
    PulseCommand command;
    while (commands_.receive(command))
        on_command(command);
}

void Pulse::on_command(const PulseCommand& command) {
    std::visit(
        [&](const auto& c) {
            using T = std::decay_t<decltype(c)>;
            if constexpr (std::is_same_v<T, Rekey>) {
                paths_[c.path].rekey(c.association, c.transmit, c.receive);
                beat_now_ = true;
            } else if constexpr (std::is_same_v<T, PathGone>) {
                for (Group& group : groups_)
                    feed(group, ha::PeerGone{c.path});
            } else if constexpr (std::is_same_v<T, Fact>) {
                const auto* port = std::get_if<ha::Port>(&c.input);
                if (port == nullptr)
                    return feed(groups_[c.group], c.input);
                groups_[c.group].port_told = port->usable;
                watch_port(groups_[c.group]);
            } else if constexpr (std::is_same_v<T, SetReadiness>) {
                groups_[c.group].in_sync = c.in_sync;
                feed(groups_[c.group], ha::Readiness{c.lacks});
            } else if constexpr (std::is_same_v<T, Repair>) {
                repair(c.group);
            } else {
                running_ = false;
            }
        },
        command);
}

/// The engine of an appliance shows the link of its port in the page. The kernel may tell of the TAP's
/// carrier as much as a second later: it saves up such news.
void Pulse::watch_port(Group& group) {
    const auto& outside = page_.ports[static_cast<std::size_t>(contract::PortPlace::outside)];
    const bool linked =
        settings_.backend == contract::Backend::nfqueue || outside.link.load(std::memory_order_relaxed) != 0;
    const bool usable = group.port_told && linked;
    if (std::exchange(group.port_fed, usable) != usable)
        feed(group, ha::Port{usable});
}

/// The fast path counts what reaches a node from outside; while the group is being yielded each one is a
/// straggler.
void Pulse::watch_stragglers(Group& group, std::size_t index) {
    const std::uint64_t arrived = page_.arrived(index);
    if (arrived == group.arrived)
        return;
    group.arrived = arrived;
    if (group.node.view().yielding)
        feed(group, ha::Straggler{});
}

// ---- what follows ----

void Pulse::feed(Group& group, const ha::Input& input) {
    group.node.on(now(), input);
    drain(group);
}

void Pulse::drain(Group& group) {
    while (const auto output = group.node.next())
        apply(group, *output);
}

void Pulse::apply(Group& group, const ha::Output& output) {
    const std::size_t index = index_of(group);
    auto& expiry = page_.grants[index].expires_ns;
    switch (output.effect) {
    case ha::Effect::raise:
        group.renew_due = now() + renew_interval;
        return to_hand(Act::raise, group, output.epoch);
    case ha::Effect::grant_active:
        expiry.store(to_ns(now() + group.node.policy().lease()));
        return to_hand(Act::stand, group, output.epoch, contract::Standing::active);
    case ha::Effect::grant_yielding:
        expiry.store(to_ns(now() + group.node.policy().lease()));
        return to_hand(Act::stand, group, output.epoch, contract::Standing::yielding);
    case ha::Effect::grant_standby:
        return to_hand(Act::stand, group, output.epoch, contract::Standing::standby);
    case ha::Effect::revoke:
        group.raised = false;
        expiry.store(0);
        // What waits in the hand's queue from the term that ends here must not be carried out any more.
        return terms_.end(index, output.epoch);
    case ha::Effect::announce:
        return to_hand(Act::announce, group, output.epoch);
    case ha::Effect::lower:
        return to_hand(Act::lower, group, output.epoch);
    case ha::Effect::vacate:
        return to_hand(Act::vacate, group, output.epoch);
    case ha::Effect::seal:
        return to_hand(Act::seal, group, output.epoch);
    case ha::Effect::probe:
        // Not by way of the hand: an answer must not be missed because the question waited for the kernel.
        group.probe.send();
        return;
    case ha::Effect::look:
        // Whoever answered the probe is asked.
        group.looked_in_vain = !group.look;
        if (group.look)
            group.look->ask(group.claimant);
        return;
    case ha::Effect::beat:
        beat_now_ = true;
        return;
    case ha::Effect::keep_epoch:
    case ha::Effect::keep_role:
    case ha::Effect::report:
    case ha::Effect::answer:
        notes_.send({index, output});
        return;
    }
}

void Pulse::to_hand(Act act, const Group& group, std::uint64_t epoch, contract::Standing standing) {
    errands_.send({act, static_cast<std::uint8_t>(index_of(group)), standing, epoch});
}

/// The addresses are not as the role asks for: the effects of the role once more, which are idempotent.
void Pulse::repair(std::size_t index) {
    Group& group = groups_[index];
    const ha::View& view = group.node.view();
    if (view.role == ha::Role::active) {
        if (!group.node.may_renew(now()))
            return; // after a stall, while the peer may have taken over; the service looks again
        to_hand(Act::raise, group, view.epoch);
        to_hand(Act::announce, group, view.epoch);
    } else if (!view.yielding) {
        to_hand(Act::lower, group, view.epoch);
    }
}

/// The hand did not take an order: all effects of the present role, once its queue has room.
void Pulse::make_good(std::size_t index) {
    Group& group = groups_[index];
    const ha::View& view = group.node.view();
    if (view.role == ha::Role::active && !group.node.may_renew(now()))
        return; // after a stall, while the peer may have taken over
    if (!errands_.take_debt(index))
        return;
    const auto stand = [&](contract::Standing standing) { to_hand(Act::stand, group, view.epoch, standing); };
    if (view.role == ha::Role::active) {
        to_hand(Act::raise, group, view.epoch);
        stand(contract::Standing::active);
        to_hand(Act::announce, group, view.epoch);
    } else if (view.yielding) {
        stand(contract::Standing::yielding);
        to_hand(Act::vacate, group, view.epoch);
    } else {
        to_hand(Act::lower, group, view.epoch);
        stand(contract::Standing::standby);
    }
}

/// Pushes the leases ahead: the grant at every beat, the kernel's less often.
void Pulse::renew(ha::Instant at) {
    std::uint32_t alone = 0;
    for (Group& group : groups_) {
        const std::size_t index = index_of(group);
        const ha::View& view = group.node.view();
        const bool renewing = group.node.may_renew(at);
        if (renewing || view.yielding)
            page_.grants[index].expires_ns.store(to_ns(at + group.node.policy().lease()),
                                                 std::memory_order_relaxed);
        if (renewing && group.raised && at >= group.renew_due) {
            group.renew_due = at + renew_interval;
            to_hand(Act::renew, group, view.epoch);
        }
        if (view.role == ha::Role::active && view.peer != ha::PeerState::up)
            alone |= 1U << index;
    }
    lifeline_.was_active_alone.store(alone, std::memory_order_relaxed);
}

// ---- what is said ----

wire::BeatGroup Pulse::say(const Group& group) const {
    const ha::View& view = group.node.view();
    unsigned flags = 0;
    const auto set = [&flags](wire::BeatFlag flag, bool so) {
        flags |= so ? static_cast<unsigned>(flag) : 0U;
    };
    set(wire::beat_resigning, view.resigning);
    set(wire::beat_ready, view.ready);
    set(wire::beat_holds, view.holds);
    set(wire::beat_leaving, view.leaving);
    set(wire::beat_in_sync, group.in_sync);
    set(wire::beat_primary, view.configured == ha::ConfiguredRole::primary);
    return {.name_hash = group.name_hash,
            .epoch = view.epoch,
            .role = static_cast<std::uint8_t>(view.role),
            .priority = group.node.policy().priority,
            .score = view.score,
            .flags = static_cast<std::uint16_t>(flags),
            .lacks = view.lacks,
            .role_serial = view.role_serial};
}

void Pulse::beat(ha::Instant at) {
    wire::Beat beat;
    beat.pair_hash = settings_.pair_hash;
    beat.node_id = settings_.node_id;
    beat.incarnation = settings_.incarnation;
    beat.config_digest = settings_.config_digest;
    beat.mirror_sent = page_.mirror.sent.load(std::memory_order_relaxed);
    beat.mirror_handled = page_.mirror.received.load(std::memory_order_relaxed);
    beat.group_count = static_cast<std::uint8_t>(groups_.size());
    for (std::size_t i = 0; i < groups_.size(); ++i)
        beat.groups[i] = say(groups_[i]);
    for (std::size_t path = 0; path < paths_.size(); ++path) {
        const Echo& echo = echoes_[path];
        beat.echo_ns = echo.sent_ns;
        beat.echo_age_us = echo.sent_ns == 0 ? 0U
                                             : static_cast<std::uint32_t>(std::min<std::int64_t>(
                                                   (at - echo.received).count() / 1000, 0xffffffffLL));
        beat.sent_ns = static_cast<std::uint64_t>(to_ns(now()));
        paths_[path].send(beat);
    }
}

void Pulse::publish() {
    for (std::size_t i = 0; i < groups_.size(); ++i)
        shown_.groups[i] = groups_[i].node.view();
    for (std::size_t path = 0; path < paths_.size(); ++path)
        shown_.paths[path].counters = paths_[path].counters();
    shown_.errands_refused = errands_.refused();
    snapshot_.write(shown_);
}

} // namespace tandem::app
