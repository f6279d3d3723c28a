// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/ha_port.hh"

#include "dataplane/path/split.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/udp.hh"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem::dpdk {
namespace {

using contract::Counter;
using path::Sent;

constexpr std::size_t ethernet = wire::EthernetFrame::header_size;
constexpr std::size_t octets_max = 65'536 + 128;
constexpr path::Duration ask_interval = std::chrono::milliseconds{200};
/// One datagram in pieces of the smallest MTU.
constexpr std::size_t pieces_max = path::Fragments::pieces_max;
constexpr path::FragmentLimits fragment_limits{64, 1024, 1U << 20U, std::chrono::seconds{1}};

} // namespace

HaPort::HaPort(Lane& lane, halink::LinkSeal& seal, contract::Counters& counters, rte_mempool* pool,
               const Setup& setup)
    : lane_(lane)
    , seal_(seal)
    , counters_(counters)
    , pool_(pool)
    , setup_(setup)
    , mirror_({nullptr, nullptr, pool})
    , queue_(std::max(setup.queue_max, 2 * pieces_max))
    , burst_(queue_.size())
    , fragments_(setup.seed, fragment_limits)
    , kept_(fragment_limits.fragments + 1)
    , plain_(std::make_unique<std::uint8_t[]>(octets_max))
    , whole_(std::make_unique<std::uint8_t[]>(octets_max))
    , identification_(static_cast<std::uint32_t>(setup.seed)) {
    if (setup_.mirror == contract::MirrorSeal::clear)
        mirror_.send_in_clear(Copying::deep);
}

HaPort::~HaPort() {
    for (std::size_t i = 0; i < count_; ++i)
        ::rte_pktmbuf_free(queue_[i].packet);
    ::rte_pktmbuf_free(held_);
}

void HaPort::refresh(const contract::Policy& policy, const path::NextHops& hops, path::Instant now) {
    fragments_.expire(now);
    release_given_up();
    if (keys_version_ != seal_.version())
        take_keys();
    const bool wanted = setup_.path < policy.path_count && policy.mirror_port != 0;
    const contract::MirrorEndpoint endpoint = wanted ? policy.paths[setup_.path] : contract::MirrorEndpoint{};
    const std::uint16_t udp_port = wanted ? policy.mirror_port : std::uint16_t{0};
    const bool same =
        endpoint.local == endpoint_.local && endpoint.peer == endpoint_.peer && udp_port == udp_port_;
    if (same && hops_version_ == hops.version())
        return;
    hops_version_ = hops.version();
    endpoint_ = endpoint;
    udp_port_ = udp_port;
    find_route(policy, hops);
}

void HaPort::find_route(const contract::Policy& policy, const path::NextHops& hops) {
    missing_.reset();
    if (udp_port_ == 0 || endpoint_.local.family == wire::Family::none ||
        endpoint_.local.family != endpoint_.peer.family)
        return mirror_.forget_route();
    const path::NextHops::Hop hop = hops.find(path::ha_segment(setup_.path), policy.paths[setup_.path].peer);
    if (hop.found != path::NextHops::Hop::Found::known) {
        if (hop.found == path::NextHops::Hop::Found::unknown)
            missing_ = hop.next;
        return mirror_.forget_route();
    }
    mirror_.set_route({lane_.port().mac(), hop.mac, endpoint_.local, endpoint_.peer, udp_port_,
                       static_cast<std::uint16_t>(lane_.port().mtu())});
}

void HaPort::take_keys() {
    keys_version_ = seal_.version();
    const auto receiving = seal_.receiving();
    std::array<Opening, 2> openings;
    for (std::size_t i = 0; i < receiving.size(); ++i) {
        openings[i].association = receiving[i].association;
        if (receiving[i].association != 0)
            openings[i].cipher = Gcm::make(receiving[i].key);
    }
    openings_ = std::move(openings);
    if (setup_.mirror == contract::MirrorSeal::clear)
        return;
    if (seal_.association() == 0)
        mirror_.forget_key();
    else
        mirror_.seal_with(seal_.association(), seal_.transmit_key(), seal_.numbers());
}

std::optional<wire::IpAddress> HaPort::next_ask(path::Instant now) {
    if (!missing_ || now < ask_at_)
        return std::nullopt;
    ask_at_ = now + ask_interval;
    return missing_;
}

Sent HaPort::send(Urgency urgency, std::span<const std::uint8_t> head, std::span<const std::uint8_t> body) {
    if (!ready())
        return Sent::no_link;
    if (urgency == Urgency::history && (behind_ || count_ >= queue_.size() / 2)) {
        count(Counter::mirror_resend_dropped);
        return Sent::failed;
    }
    if (mirror_.packet_size(head.size() + body.size()) > mirror_.route().mtu)
        return queue_split(urgency, head, body) ? Sent::yes : Sent::failed;
    if (count_ == queue_.size())
        return Sent::failed;
    rte_mbuf* packet = mirror_.datagram(head, body);
    if (packet == nullptr || !lane_.tag(packet)) {
        count(Counter::no_buffer);
        ::rte_pktmbuf_free(packet);
        return Sent::failed;
    }
    queue(packet, urgency);
    return Sent::yes;
}

/// A datagram that is longer than the MTU goes in pieces, all of them or none.
bool HaPort::queue_split(Urgency urgency, std::span<const std::uint8_t> head,
                         std::span<const std::uint8_t> body) {
    const std::size_t mtu = mirror_.route().mtu;
    if (queue_.size() - count_ < mirror_.packet_size(head.size() + body.size()) / (mtu - 64) + 2)
        return false;
    const std::size_t size = mirror_.write({whole_.get(), octets_max}, head, body);
    if (size == 0)
        return false;
    const std::size_t before = count_;
    auto splitter = path::Splitter::begin({whole_.get() + ethernet, size - ethernet}, mtu, ++identification_);
    while (splitter && count_ < queue_.size()) {
        rte_mbuf* piece = ::rte_pktmbuf_alloc(pool_);
        const std::size_t room = piece == nullptr ? 0 : rte_pktmbuf_tailroom(piece) - ethernet;
        auto* data = piece == nullptr ? nullptr : rte_pktmbuf_mtod(piece, std::uint8_t*);
        if (piece == nullptr || room < mtu) {
            count(Counter::no_buffer);
            ::rte_pktmbuf_free(piece);
            splitter.reset();
            break;
        }
        const std::size_t length = splitter->next({data + ethernet, mtu});
        if (length == 0) {
            ::rte_pktmbuf_free(piece);
            return count_ > before;
        }
        std::memcpy(data, whole_.get(), ethernet);
        ::rte_pktmbuf_append(piece, static_cast<std::uint16_t>(ethernet + length));
        if (!lane_.tag(piece)) {
            ::rte_pktmbuf_free(piece);
            break;
        }
        queue(piece, urgency);
    }
    while (count_ > before) // a part of a datagram is nothing
        ::rte_pktmbuf_free(queue_[--count_].packet);
    return false;
}

void HaPort::flush() {
    // One system call for a batch: a heartbeat that is there overtakes all that waits.
    lane_.from_kernel();
    for (std::size_t i = 0; i < count_; ++i)
        burst_[i] = queue_[i].packet;
    const std::size_t done = lane_.offer(std::span(burst_).first(count_));
    count(Counter::ha_port_sent, done);
    behind_ = done < count_;
    std::size_t left = 0;
    for (std::size_t i = done; i < count_; ++i) {
        if (queue_[i].urgency == Urgency::live) {
            queue_[left++] = queue_[i];
        } else {
            count(Counter::mirror_resend_dropped);
            ::rte_pktmbuf_free(queue_[i].packet);
        }
    }
    count_ = left;
}

void HaPort::hold(rte_mbuf* packet) {
    ::rte_pktmbuf_free(std::exchange(held_, packet));
}

void HaPort::release_given_up() {
    while (const auto token = fragments_.next_given_up()) {
        count(Counter::fragments_given_up);
        std::uint32_t linked = Kept::none;
        ::rte_pktmbuf_free(kept_.take(*token, linked));
    }
}

/// The packet in a frame, if it is a datagram, or a piece of one, from the peer to this node on this path.
std::optional<wire::IpPacket> HaPort::from_peer(rte_mbuf* packet) const {
    if (udp_port_ == 0 || packet->nb_segs != 1)
        return std::nullopt;
    const auto frame = wire::parse_ethernet(octets_of(packet));
    if (!frame || frame->destination != lane_.port().mac())
        return std::nullopt;
    const auto ip = wire::parse_ip(frame->payload);
    if (!ip || ip->protocol != wire::protocol_udp || ip->source != endpoint_.peer ||
        ip->destination != endpoint_.local)
        return std::nullopt;
    return *ip;
}

/// The mirror datagram in a packet of the peer; the sockets of the two nodes have the same number.
std::optional<std::span<const std::uint8_t>> HaPort::mirror_in(const wire::IpPacket& ip) const {
    const auto udp = wire::parse_udp(ip.payload);
    if (!udp || udp->source_port != udp_port_ || udp->destination_port != udp_port_)
        return std::nullopt;
    return udp->payload;
}

std::optional<std::span<const std::uint8_t>> HaPort::take(rte_mbuf* packet, path::Instant now) {
    hold(nullptr);
    if (lane_.untag(packet) != Tags::ours) {
        lane_.to_kernel(packet);
        return std::nullopt;
    }
    const auto ip = from_peer(packet);
    if (ip && ip->fragment != wire::Fragment::whole)
        return take_fragment(packet, *ip, now);
    const auto datagram = ip ? mirror_in(*ip) : std::nullopt;
    if (!datagram) {
        lane_.to_kernel(packet);
        return std::nullopt;
    }
    hold(packet);
    return open(*datagram, *ip);
}

/// Pieces wait for each other; of what is not the mirror's, the kernel gets them as they came.
std::optional<std::span<const std::uint8_t>> HaPort::take_fragment(rte_mbuf* packet, const wire::IpPacket& ip,
                                                                   path::Instant now) {
    if (kept_.next_token() == Kept::none) {
        count(Counter::fragments_given_up);
        ::rte_pktmbuf_free(packet);
        return std::nullopt;
    }
    const std::uint32_t token = kept_.put(packet);
    std::uint32_t linked = Kept::none;
    const path::Fragmented fate = fragments_.take(now, ip, token);
    std::optional<std::span<const std::uint8_t>> content;
    if (fate == path::Fragmented::whole) {
        const auto whole = wire::parse_ip(fragments_.packet());
        const auto datagram = whole ? mirror_in(*whole) : std::nullopt;
        for (const std::uint32_t piece : fragments_.tokens()) {
            rte_mbuf* const part = kept_.take(piece, linked);
            if (datagram)
                ::rte_pktmbuf_free(part);
            else
                lane_.to_kernel(part);
        }
        if (datagram)
            content = open(*datagram, *whole);
    } else if (fate != path::Fragmented::kept) {
        count(Counter::fragments_given_up);
        ::rte_pktmbuf_free(kept_.take(token, linked));
    }
    release_given_up();
    return content;
}

std::optional<std::span<const std::uint8_t>> HaPort::open(std::span<const std::uint8_t> datagram,
                                                          const wire::IpPacket& ip) {
    const auto header = wire::read_ha_header(datagram);
    const bool in_clear = header && header->type == wire::HaType::mirror_clear && header->association == 0 &&
                          setup_.mirror == contract::MirrorSeal::clear;
    if (in_clear) {
        const bool summed = ip.payload[6] != 0 || ip.payload[7] != 0;
        if (summed && wire::transport_checksum(
                          ip.source, ip.destination, wire::protocol_udp,
                          ip.payload.first(wire::UdpDatagram::header_size + datagram.size())) != 0) {
            count(Counter::link_malformed);
            return std::nullopt;
        }
        count(Counter::ha_port_received);
        return datagram.subspan(wire::HaHeader::size);
    }
    const auto admitted = seal_.admit(datagram);
    if (!admitted)
        return std::nullopt;
    const auto length = open_sealed(*admitted);
    if (!length) {
        count(Counter::link_unauthentic);
        return std::nullopt;
    }
    seal_.accept(*admitted);
    count(Counter::ha_port_received);
    return std::span<const std::uint8_t>{plain_.get(), *length};
}

std::optional<std::size_t> HaPort::open_sealed(const halink::LinkSeal::Admitted& admitted) {
    const std::span<std::uint8_t> out{plain_.get(), octets_max};
    for (Opening& opening : openings_)
        if (opening.cipher && opening.association == admitted.under.association)
            return opening.cipher->open(admitted.sequence, admitted.header, admitted.sealed, out);
    return admitted.under.opener->open(admitted.sequence, admitted.header, admitted.sealed, out);
}

} // namespace tandem::dpdk
