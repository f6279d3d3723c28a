// SPDX-License-Identifier: GPL-3.0-or-later

// The worker's way of a single packet, from a port to its next hop.

#include "dataplane/io/dpdk/worker.hh"
#include "dataplane/path/split.hh"
#include "dataplane/path/translate.hh"
#include "dataplane/path/vip_answer.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ethernet.hh"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

namespace tandem::dpdk {
namespace {

using contract::Counter;
using path::Action;
using path::Segment;
using path::Stance;

constexpr std::size_t header_size = wire::EthernetFrame::header_size;
constexpr path::Duration patience = std::chrono::seconds{1};
constexpr std::size_t waiting_max = 512;

bool is_group(const wire::MacAddress& mac) {
    return (mac.octets[0] & 1U) != 0;
}

std::uint16_t ether_type_of(std::span<const std::uint8_t> ip) {
    return ip[0] >> 4U == 4 ? wire::ether_type_ipv4 : wire::ether_type_ipv6;
}

bool translates(const contract::Policy& policy, const contract::Vip& vip) {
    return policy.groups[vip.group].forwarding == contract::Forwarding::nat;
}

/// The IP packet in a frame without tags, padding left off.
std::span<std::uint8_t> ip_of(rte_mbuf* packet) {
    const std::span<std::uint8_t> rest = octets_of(packet).subspan(header_size);
    const auto ip = wire::parse_ip(rest);
    return ip ? rest.first(ip->bytes.size()) : rest;
}

} // namespace

void Worker::on_outside(rte_mbuf* packet) {
    const auto frame = wire::parse_ethernet(octets_of(packet));
    const bool ours =
        frame && (frame->destination == lane(Segment::outside).port().mac() || is_group(frame->destination));
    if (!ours || packet->nb_segs != 1) // of another station, or larger than a buffer
        return drop(packet);
    const bool mine = !is_group(frame->destination);
    if (!mine)
        capture(Segment::outside, packet);
    if (answer_question(packet, *frame))
        return;
    const bool is_ip =
        frame->ether_type == wire::ether_type_ipv4 || frame->ether_type == wire::ether_type_ipv6;
    const std::span<std::uint8_t> ip = octets_of(packet).subspan(header_size);
    if (is_ip && mine) {
        const auto parsed = wire::parse_ip(ip);
        if (!parsed || path::find_vip(path_.policy(), parsed->destination) != nullptr) {
            if (parsed && parsed->fragment != wire::Fragment::whole)
                return on_fragment(packet, *parsed);
            return on_vip(packet, parsed ? ip.first(parsed->bytes.size()) : ip);
        }
    }
    if (mine)
        capture(Segment::outside, packet);
    lane(Segment::outside).to_kernel(packet);
}

/// ARP and neighbour solicitation for a VIP. True: the packet is done with.
bool Worker::answer_question(rte_mbuf* packet, const wire::EthernetFrame& frame) {
    Lane& outside = lane(Segment::outside);
    std::array<std::uint8_t, path::vip_answer_max> answer{};
    const path::VipAnswer found =
        path::answer_for_vip(frame, path_.policy(), answering_, outside.port().mac(), answer);
    if (found.question == path::VipQuestion::none)
        return false;
    drop(packet);
    if (found.question == path::VipQuestion::silent || found.size == 0) {
        count(Counter::address_silent);
        return true;
    }
    rte_mbuf* reply = ::rte_pktmbuf_alloc(pool_);
    if (reply == nullptr) {
        count(Counter::no_buffer);
        return true;
    }
    std::memcpy(::rte_pktmbuf_append(reply, static_cast<std::uint16_t>(found.size)), answer.data(),
                found.size);
    outside.send(reply);
    count(Counter::address_answered);
    return true;
}

void Worker::on_vip(rte_mbuf* packet, std::span<std::uint8_t> ip) {
    const std::uint32_t token = kept_.next_token();
    if (token == Kept::none) {
        count(Counter::no_buffer);
        return drop(packet);
    }
    const Action action = path_.on_outside(ip, token);
    capture(Segment::outside, action, path_.judgement().reason, packet);
    if (action == Action::forward) {
        track(ip, state::Way::served);
        return forward_inside(packet);
    }
    if (action == Action::hold || action == Action::redirect) {
        kept_.put(packet);
        if (action == Action::redirect)
            redirect(token, ip);
        return;
    }
    drop(packet);
}

/// Fragments wait for each other, so that all of them get the verdict of the whole packet.
void Worker::on_fragment(rte_mbuf* packet, const wire::IpPacket& ip) {
    const contract::Vip* vip = path::find_vip(path_.policy(), ip.destination);
    const Stance stance = stances_[vip->group];
    if (stance == Stance::none || stance == Stance::standby || kept_.next_token() == Kept::none) {
        path_.on_outside(ip.bytes, Kept::none);
        return drop(packet);
    }
    capture(Segment::outside, packet);
    const std::uint32_t token = kept_.put(packet);
    switch (fragments_.take(now_, ip, token)) {
    case path::Fragmented::kept:
        break;
    case path::Fragmented::whole: {
        const auto tokens = fragments_.tokens();
        for (std::size_t i = 1; i < tokens.size(); ++i)
            kept_.link(tokens[i - 1], tokens[i]);
        settle(tokens.front(), path_.on_outside(fragments_.packet(), tokens.front()), fragments_.packet());
        break;
    }
    case path::Fragmented::duplicate:
    case path::Fragmented::overlap:
    case path::Fragmented::too_many:
        count(Counter::fragments_given_up);
        release(token);
        break;
    }
    while (const auto given_up = fragments_.next_given_up()) {
        count(Counter::fragments_given_up);
        release(*given_up);
    }
}

/// Is it a packet of the server that goes out? Its own address has become the VIP then.
bool Worker::from_server(std::span<std::uint8_t> ip) {
    const auto parsed = wire::parse_ip(ip);
    if (!parsed || hops_.is_own(parsed->destination))
        return false;
    const contract::Policy& policy = path_.policy();
    const std::size_t count = std::min<std::size_t>(policy.vip_count, policy.vips.size());
    for (std::size_t i = 0; i < count; ++i) {
        const contract::Vip& vip = policy.vips[i];
        if (translates(policy, vip) && vip.server == parsed->source)
            return path::translate(ip, path::Side::source, vip.address);
        if (!translates(policy, vip) && vip.address == parsed->source)
            return true;
    }
    return false;
}

/// A server that asks in the VIP's name (Linux does, unless arp_announce is set) would be asking in the name
/// of this node's kernel, which has the VIP: it asks in its own.
void Worker::name_server(std::span<std::uint8_t> arp) const {
    constexpr std::size_t sender_at =
        14; // RFC 826: behind types, lengths, operation and the sender's MAC address
    const auto parsed = wire::parse_arp(arp);
    const contract::Vip* vip = parsed ? path::find_vip(path_.policy(), parsed->sender_ip) : nullptr;
    if (vip != nullptr && parsed->operation == wire::ArpOperation::request && vip->server.is_v4())
        std::ranges::copy(vip->server.bytes(), arp.subspan(sender_at).begin());
}

void Worker::on_inside(rte_mbuf* packet) {
    Lane& inside = lane(Segment::inside);
    const auto frame = wire::parse_ethernet(octets_of(packet));
    if (!frame || packet->nb_segs != 1 ||
        (frame->destination != inside.port().mac() && !is_group(frame->destination)))
        return drop(packet);
    const bool is_ip =
        frame->ether_type == wire::ether_type_ipv4 || frame->ether_type == wire::ether_type_ipv6;
    if (!is_ip || is_group(frame->destination) || !from_server(ip_of(packet))) {
        capture(Segment::inside, packet);
        if (frame->ether_type == wire::ether_type_arp)
            name_server(octets_of(packet).subspan(header_size));
        return inside.to_kernel(packet);
    }
    const std::uint32_t token = kept_.next_token();
    const Action action = token == Kept::none ? Action::drop : path_.on_inside(ip_of(packet), token);
    capture(Segment::inside, action, path_.judgement().reason, packet);
    if (action == Action::forward) {
        track(ip_of(packet), state::Way::from_server);
        return forward_outside(packet);
    }
    if (action == Action::hold) {
        kept_.put(packet);
        return;
    }
    drop(packet);
}

void Worker::forward_inside(rte_mbuf* packet) {
    const std::span<std::uint8_t> ip = ip_of(packet);
    const auto parsed = wire::parse_ip(ip);
    const contract::Policy& policy = path_.policy();
    const contract::Vip* vip = parsed ? path::find_vip(policy, parsed->destination) : nullptr;
    if (vip == nullptr)
        return drop(packet);
    const path::NextHops::Hop hop = hops_.neighbour(Segment::inside, server_of(*vip));
    if (translates(policy, *vip))
        path::translate(ip, path::Side::destination, vip->server);
    send_to(packet, Segment::inside, hop);
}

void Worker::forward_outside(rte_mbuf* packet) {
    const auto parsed = wire::parse_ip(ip_of(packet));
    if (!parsed)
        return drop(packet);
    const path::NextHops::Hop hop = hops_.find(Segment::outside, parsed->destination);
    if (hop.found == path::NextHops::Hop::Found::known)
        burst_.set_next_hop(parsed->destination, hop.mac); // from now on the quick way knows it
    send_to(packet, Segment::outside, hop);
}

void Worker::send_to(rte_mbuf* packet, Segment segment, const path::NextHops::Hop& hop) {
    switch (hop.found) {
    case path::NextHops::Hop::Found::known:
        break;
    case path::NextHops::Hop::Found::unknown:
        return wait_for_hop(packet, segment, hop.next);
    case path::NextHops::Hop::Found::no_route:
        count(Counter::next_hop_failed);
        return drop(packet);
    }
    Lane& out = lane(segment);
    const std::span<std::uint8_t> ip = ip_of(packet);
    if (ip.size() > out.port().mtu())
        return send_split(packet, segment, hop);
    wire::write_ethernet(octets_of(packet), hop.mac, out.port().mac(), ether_type_of(ip));
    out.send(packet);
}

/// A packet that is larger than the MTU: in pieces where that is allowed, else its sender is told.
void Worker::send_split(rte_mbuf* packet, Segment segment, const path::NextHops::Hop& hop) {
    const std::span<const std::uint8_t> ip = ip_of(packet);
    Lane& out = lane(segment);
    const std::size_t mtu = out.port().mtu();
    if (!path::may_split(ip)) {
        count(Counter::packet_too_big);
        const auto parsed = wire::parse_ip(ip);
        // In the name of whom it concerns: the VIP stands on one of the two sides.
        const wire::IpAddress own = segment == Segment::inside ? parsed->destination : parsed->source;
        rte_mbuf* error = ::rte_pktmbuf_alloc(pool_);
        const std::size_t length =
            error == nullptr
                ? 0
                : path::write_too_big({rte_pktmbuf_mtod(error, std::uint8_t*) + header_size, 1280}, ip, own,
                                      mtu);
        if (length > 0) {
            ::rte_pktmbuf_append(error, static_cast<std::uint16_t>(header_size + length));
            const Segment back = segment == Segment::inside ? Segment::outside : Segment::inside;
            const path::NextHops::Hop way = hops_.find(back, parsed->source);
            if (way.found == path::NextHops::Hop::Found::known)
                send_to(error, back, way);
            else
                drop(error);
        } else if (error != nullptr) {
            drop(error);
        }
        return drop(packet);
    }
    auto splitter = path::Splitter::begin(ip, mtu, ++identification_);
    while (splitter) {
        rte_mbuf* piece = ::rte_pktmbuf_alloc(pool_);
        if (piece == nullptr) {
            count(Counter::no_buffer);
            break;
        }
        const std::size_t room = rte_pktmbuf_tailroom(piece) - header_size;
        const std::size_t length =
            splitter->next({rte_pktmbuf_mtod(piece, std::uint8_t*) + header_size, std::min(room, mtu)});
        if (length == 0) {
            drop(piece);
            break;
        }
        ::rte_pktmbuf_append(piece, static_cast<std::uint16_t>(header_size + length));
        wire::write_ethernet(octets_of(piece), hop.mac, out.port().mac(), ether_type_of(ip));
        out.send(piece);
    }
    drop(packet);
}

void Worker::wait_for_hop(rte_mbuf* packet, Segment segment, const wire::IpAddress& next) {
    const bool asked = std::ranges::any_of(
        waiting_, [&](const Waiting& w) { return w.segment == segment && w.next == next; });
    if (!asked) {
        asks_.push({segment, next});
        bell_.ring();
    }
    if (waiting_.size() >= waiting_max) {
        count(Counter::next_hop_failed);
        return drop(packet);
    }
    count(Counter::next_hop_waiting);
    waiting_.push_back({packet, segment, next, now_});
}

void Worker::serve_waiting() {
    if (waiting_.empty())
        return;
    const bool changed = hops_version_ != hops_.version();
    hops_version_ = hops_.version();
    std::size_t left = 0;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
        const Waiting waiting = waiting_[i];
        const path::NextHops::Hop hop =
            changed ? hops_.neighbour(waiting.segment, waiting.next) : path::NextHops::Hop{};
        if (hop.found == path::NextHops::Hop::Found::known) {
            send_to(waiting.packet, waiting.segment, hop);
        } else if (now_ - waiting.since > patience) {
            count(Counter::next_hop_failed);
            drop(waiting.packet);
        } else {
            waiting_[left++] = waiting;
        }
    }
    waiting_.resize(left);
}

/// Puts a packet of the mirror, or one that the other node handed over, in front of the server here.
bool Worker::deliver_inside(std::span<const std::uint8_t> ip) {
    const std::size_t mtu = lane(Segment::inside).port().mtu();
    if (ip.size() <= mtu) {
        rte_mbuf* packet = ::rte_pktmbuf_alloc(pool_);
        if (packet == nullptr) {
            count(Counter::no_buffer);
            return false;
        }
        std::uint8_t* place = reinterpret_cast<std::uint8_t*>(
            ::rte_pktmbuf_append(packet, static_cast<std::uint16_t>(header_size + ip.size())));
        std::memcpy(place + header_size, ip.data(), ip.size());
        forward_inside(packet);
        return true;
    }
    // It was put together on its way here, so it is split whatever it says of that.
    auto splitter = path::Splitter::begin(ip, mtu, ++identification_);
    while (splitter) {
        const std::size_t length = splitter->next({scratch_.get(), 65'536});
        if (length == 0)
            return true;
        if (!deliver_inside({scratch_.get(), length}))
            return false;
    }
    return false;
}

void Worker::deliver() {
    while (const auto delivery = path_.next_delivery()) {
        const bool done = deliver_inside(delivery->packet);
        if (done)
            track(delivery->packet, delivery->counter == Counter::redirected_received ? state::Way::served
                                                                                      : state::Way::mirrored);
        path_.delivered(*delivery, done ? path::Delivered::yes : path::Delivered::failed);
    }
}

} // namespace tandem::dpdk
