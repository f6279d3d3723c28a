// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/path.hh"

#include "dataplane/path/clauses.hh"
#include "dataplane/wire/ip.hh"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

namespace tandem::path {

using contract::Counter;

Path::Path(contract::Page& page, const PathSeeds& seeds, const PathLimits& limits, TextMatcher* matcher)
    : page_(page)
    , limits_(limits)
    , matcher_(matcher)
    , sender_(seeds.stream, limits.sender)
    , receiver_(seeds.incarnation, limits.receiver)
    , held_(limits.held_packets, limits.held_octets)
    , deferred_(limits.deferred_packets, limits.deferred_octets) {
    overflowed_.reserve(limits.held_packets);
    // The streams of an earlier life are over; its counters go on.
    page_.mirror.sent = page_.mirror.confirmed = page_.mirror.received = page_.mirror.announced = 0;
    page_.mirror.confirmed_at_ns = page_.mirror.announced_at_ns = 0;
}

void Path::begin(Instant now) {
    now_ = now;
    const std::uint32_t sequence = page_.policy.sequence();
    if (sequence != policy_sequence_ && page_.policy.read(policy_)) {
        policy_sequence_ = sequence;
        if (matcher_ != nullptr)
            matcher_->adopt(policy_);
    }
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        contract::Grant& grant = page_.grants[i];
        grant.role.read(groups_[i].role);
        groups_[i].stance =
            stance_of(groups_[i].role, grant.expires_ns.load(std::memory_order_acquire), to_page(now));
    }
}

Stance Path::stance(const Inspection& found) const {
    const bool has_group = found.kind != Kind::unreadable && found.kind != Kind::not_vip;
    return has_group ? groups_[found.group].stance : Stance::none;
}

void Path::notice(contract::NoticeKind kind, std::uint64_t value) {
    page_.notices.push({to_page(now_), value, kind, 0, {}});
}

void Path::copy_to_mirror(std::span<const std::uint8_t> packet, std::uint8_t group) {
    count(Counter::mirror_matched);
    mirror(packet, group);
}

void Path::mirror(std::span<const std::uint8_t> packet, std::uint8_t group) {
    if (sender_.append(packet, groups_[group].role.epoch, now_) == Appended::too_large)
        count(Counter::mirror_too_large);
}

void Path::arrived(std::uint8_t group, std::uint64_t packets) {
    contract::GroupTraffic& traffic = page_.traffic[group];
    traffic.arrived.store(traffic.arrived.load(std::memory_order_relaxed) + packets,
                          std::memory_order_relaxed);
    traffic.arrived_at_ns.store(to_page(now_), std::memory_order_relaxed);
}

Action Path::on_outside(std::span<const std::uint8_t> packet, std::uint32_t token) {
    const Inspection found = inspect(packet, policy_, matcher_);
    if (found.kind != Kind::unreadable && found.kind != Kind::not_vip)
        arrived(found.group, 1);
    if (found.kind == Kind::sip_matching || found.kind == Kind::sip_other)
        count(Counter::sip_received);
    const Decision decision = decide(Ingress::outside, found.kind, stance(found));
    judgement_ = {found.kind, found.group, decision.counter, decision.copy};
    if (decision.action == Action::hold)
        return hold(packet, {Ingress::outside, token, now_, found.group, false}) ? Action::hold
                                                                                 : Action::drop;
    return settle(packet, found, decision);
}

/// What a packet from outside or a redirected one, new or held, costs in counters and copies.
Action Path::settle(std::span<const std::uint8_t> packet, const Inspection& found, const Decision& decision) {
    if (decision.copy == Copy::mirror)
        copy_to_mirror(packet, found.group);
    // What is redirected or delivered is counted when the engine knows whether that succeeded.
    if (decision.action != Action::redirect && decision.action != Action::deliver)
        count(decision.counter);
    return decision.action;
}

/// Keeps a packet until the grant is renewed or taken away; the oldest make room. False: it has no room at
/// all.
bool Path::hold(std::span<const std::uint8_t> packet, const Held& tag) {
    while (!held_.has_room(packet.size())) {
        if (held_.empty() || overflowed_.size() == overflowed_.capacity()) {
            count(Counter::held_dropped);
            return false;
        }
        const Held& oldest = held_.entry(0).tag;
        if (!oldest.done) {
            if (oldest.ingress != Ingress::redirect)
                overflowed_.push_back({oldest.ingress, oldest.token});
            else
                count(Counter::held_dropped);
            --held_count_;
        }
        held_.pop_front();
    }
    const std::span<std::uint8_t> place = held_.reserve(packet.size(), tag);
    std::copy(packet.begin(), packet.end(), place.begin());
    ++held_count_;
    count(Counter::held);
    return true;
}

/// Takes the first held packet of that ingress whose group has its grant again, has lost it, or took too
/// long.
std::optional<Path::Settled> Path::next_settled(Ingress ingress) {
    for (std::size_t i = 0; held_count_ > 0 && i < held_.size(); ++i) {
        auto& entry = held_.entry(i);
        if (entry.tag.done || entry.tag.ingress != ingress)
            continue;
        const bool late = now_ - entry.tag.since >= limits_.hold_max;
        if (groups_[entry.tag.group].stance == Stance::lapsed && !late)
            continue;
        const Settled settled{entry.tag.token, late, std::as_const(held_).bytes(entry)};
        entry.tag.done = true;
        --held_count_;
        while (!held_.empty() && held_.entry(0).tag.done)
            held_.pop_front();
        return settled;
    }
    return std::nullopt;
}

std::optional<Released> Path::next_released() {
    if (!overflowed_.empty()) {
        const Overflowed overflowed = overflowed_.back();
        overflowed_.pop_back();
        count(Counter::held_dropped);
        return Released{overflowed.ingress, overflowed.token, Action::drop, {}};
    }
    if (const auto inside = next_released_inside())
        return inside;
    const auto settled = next_settled(Ingress::outside);
    if (!settled)
        return std::nullopt;
    Released released{Ingress::outside, settled->token, Action::drop, settled->packet};
    if (settled->late) {
        count(Counter::held_dropped);
    } else {
        const Inspection found = inspect(released.packet, policy_, matcher_);
        released.action = settle(released.packet, found, decide(Ingress::outside, found.kind, stance(found)));
        count(released.action == Action::drop ? Counter::held_dropped : Counter::held_released);
    }
    return released;
}

std::optional<Released> Path::next_released_inside() {
    const auto settled = next_settled(Ingress::inside);
    if (!settled)
        return std::nullopt;
    Released released{Ingress::inside, settled->token, Action::drop, settled->packet};
    const Decision decision = decide_inside(released.packet);
    if (!settled->late && decision.action == Action::forward) {
        released.action = Action::forward;
        count(decision.counter);
    }
    count(released.action == Action::drop ? Counter::held_dropped : Counter::held_released);
    return released;
}

Decision Path::decide_inside(std::span<const std::uint8_t> packet) const {
    const auto ip = wire::parse_ip(packet);
    const contract::Vip* vip = ip ? find_vip(policy_, ip->source) : nullptr;
    // What the server says needs no inspection for its verdict.
    return vip == nullptr ? decide(Ingress::inside, Kind::not_vip, Stance::none)
                          : decide(Ingress::inside, Kind::other_port, groups_[vip->group].stance);
}

Action Path::on_inside(std::span<const std::uint8_t> packet, std::uint32_t token) {
    const Decision decision = decide_inside(packet);
    judgement_ = {Kind::other_port, 0, decision.counter, Copy::none};
    if (decision.action == Action::hold) {
        const contract::Vip* vip = find_vip(policy_, wire::parse_ip(packet)->source);
        return hold(packet, {Ingress::inside, token, now_, vip->group, false}) ? Action::hold
                                                                               : Action::hold_back;
    }
    count(decision.counter);
    return decision.action;
}

void Path::redirected(Sent sent) {
    count(sent == Sent::yes ? Counter::redirected_sent : Counter::sip_forwarded);
}

void Path::on_frame(std::span<const std::uint8_t> bytes) {
    const auto frame = read_frame(bytes);
    if (!frame) {
        count(frame.error() == FrameError::type ? Counter::link_version : Counter::link_malformed);
        return;
    }
    if (const auto* packet = std::get_if<PacketFrame>(&*frame)) {
        on_packet(*packet);
    } else if (const auto* moved = std::get_if<RedirectedFrame>(&*frame)) {
        on_redirected(*moved);
    } else if (const auto* mark = std::get_if<MarkFrame>(&*frame)) {
        receiver_.on_mark(*mark, now_);
        page_.mirror.announced_at_ns.store(to_page(now_), std::memory_order_relaxed);
    } else if (const auto* request = std::get_if<RequestFrame>(&*frame)) {
        sender_.on_request(*request);
    } else if (const auto* report = std::get_if<ReportFrame>(&*frame)) {
        sender_.on_report(*report);
        page_.mirror.confirmed_at_ns.store(to_page(now_), std::memory_order_relaxed);
    }
}

void Path::on_packet(const PacketFrame& frame) {
    count(Counter::mirror_received);
    switch (receiver_.on_packet(frame, now_)) {
    case Received::repaired:
        count(Counter::mirror_repaired);
        break;
    case Received::duplicate:
        count(Counter::mirror_duplicate);
        break;
    case Received::kept:
    case Received::too_far:
    case Received::not_synced:
        break;
    }
    page_.mirror.announced_at_ns.store(to_page(now_), std::memory_order_relaxed);
}

void Path::on_redirected(const RedirectedFrame& frame) {
    const Inspection found = inspect(frame.packet, policy_, matcher_);
    const Decision decision = decide(Ingress::redirect, found.kind, stance(found));
    if (decision.action == Action::hold)
        hold(frame.packet, {Ingress::redirect, 0, now_, found.group, false});
    else if (settle(frame.packet, found, decision) == Action::deliver)
        redirected_ = Delivery{decision.counter, frame.packet};
}

/// Redirected packets that had been held come before the one that has just arrived.
std::optional<Delivery> Path::next_redirected() {
    while (const auto settled = next_settled(Ingress::redirect)) {
        const Inspection found = inspect(settled->packet, policy_, matcher_);
        const Decision decision = decide(Ingress::redirect, found.kind, stance(found));
        const bool taken = !settled->late && settle(settled->packet, found, decision) == Action::deliver;
        count(taken ? Counter::held_released : Counter::held_dropped);
        if (taken)
            return Delivery{decision.counter, settled->packet};
    }
    return std::exchange(redirected_, std::nullopt);
}

std::optional<Delivery> Path::next_delivery() {
    if (const auto redirected = next_redirected())
        return redirected;
    if (const auto deferred = next_deferred())
        return deferred;
    return next_mirrored();
}

std::optional<Delivery> Path::next_deferred() {
    const auto settled = [](const GroupState& g) {
        return g.deferred > 0 && g.stance != Stance::yielding && g.stance != Stance::lapsed;
    };
    while (std::any_of(groups_.begin(), groups_.end(), settled)) {
        std::size_t i = 0;
        while (deferred_.entry(i).tag.done || !settled(groups_[deferred_.entry(i).tag.group]))
            ++i;
        auto& entry = deferred_.entry(i);
        GroupState& group = groups_[entry.tag.group];
        const Decision decision = decide(Ingress::mirror, entry.tag.kind, group.stance);
        const Delivery delivery{decision.counter, std::as_const(deferred_).bytes(entry)};
        entry.tag.done = true;
        --group.deferred;
        while (!deferred_.empty() && deferred_.entry(0).tag.done)
            deferred_.pop_front();
        if (decision.action == Action::deliver)
            return delivery;
        count(decision.counter);
    }
    return std::nullopt;
}

std::optional<Delivery> Path::next_mirrored() {
    while (const auto ready = receiver_.next()) {
        Inspection found = inspect(ready->packet, policy_, matcher_);
        const std::uint64_t epoch = groups_[found.group].role.epoch;
        if (found.kind != Kind::unreadable && found.kind != Kind::not_vip && ready->epoch < epoch)
            found.kind = found.binding && ready->epoch + 1 == epoch ? Kind::late_binding : Kind::outdated;
        const Decision decision = decide(Ingress::mirror, found.kind, stance(found));
        if (decision.action == Action::deliver)
            return Delivery{decision.counter, ready->packet};
        if (decision.action == Action::defer)
            defer(ready->packet, found);
        count(decision.counter);
    }
    return std::nullopt;
}

void Path::defer(std::span<const std::uint8_t> packet, const Inspection& found) {
    std::uint64_t lost = 0;
    while (!deferred_.has_room(packet.size()) && !deferred_.empty()) {
        const Deferred& oldest = deferred_.entry(0).tag;
        if (!oldest.done) {
            --groups_[oldest.group].deferred;
            ++lost;
        }
        deferred_.pop_front();
    }
    const std::span<std::uint8_t> place = deferred_.reserve(packet.size(), {found.group, found.kind, false});
    if (place.size() == packet.size()) {
        std::copy(packet.begin(), packet.end(), place.begin());
        ++groups_[found.group].deferred;
    } else {
        ++lost;
    }
    if (lost > 0) {
        count(Counter::mirror_lost, lost);
        notice(contract::NoticeKind::mirror_gap, lost);
    }
}

void Path::delivered(const Delivery& delivery, Delivered outcome) {
    count(outcome == Delivered::yes ? delivery.counter : Counter::mirror_deliver_failed);
}

void Path::on_shadow(std::span<const std::uint8_t> packet) {
    Kind kind = Kind::unreadable;
    if (const auto ip = wire::parse_ip(packet))
        kind = find_vip(policy_, ip->source) != nullptr ? Kind::sip_other : Kind::not_vip;
    count(decide(Ingress::shadow, kind, Stance::none).counter);
}

std::optional<Transmit> Path::next_transmit() {
    if (const auto frame = sender_.next(now_))
        return frame;
    if (const auto frame = receiver_.next_control(now_))
        return Transmit{TransmitKind::control, *frame};
    return std::nullopt;
}

void Path::transmitted(TransmitKind kind, Sent sent) {
    if (kind == TransmitKind::again && sent == Sent::yes)
        count(Counter::mirror_retransmitted);
    if (kind != TransmitKind::fresh)
        return;
    count(sent == Sent::yes       ? Counter::mirror_sent
          : sent == Sent::no_link ? Counter::mirror_no_link
                                  : Counter::mirror_send_failed);
}

void Path::finish() {
    contract::MirrorProgress& progress = page_.mirror;
    progress.sent.store(sender_.sent(), std::memory_order_relaxed);
    progress.confirmed.store(sender_.confirmed(), std::memory_order_relaxed);
    progress.received.store(receiver_.handled(), std::memory_order_relaxed);
    progress.announced.store(receiver_.announced(), std::memory_order_relaxed);
    if (const std::uint64_t evicted = sender_.take_evicted(); evicted > 0)
        count(Counter::mirror_evicted, evicted);
    if (const std::uint64_t lost = receiver_.take_lost(); lost > 0) {
        count(Counter::mirror_lost, lost);
        notice(contract::NoticeKind::mirror_gap, lost);
    }
}

Instant Path::deadline() const {
    Instant at = std::min(sender_.deadline(), receiver_.deadline());
    if (held_count_ > 0)
        at = std::min(at, now_ + std::chrono::milliseconds{1});
    return at;
}

} // namespace tandem::path
