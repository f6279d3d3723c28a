// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/mirror_port.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/udp.hh"

#include <rte_ip.h>
#include <rte_mbuf.h>

#include <cstring>
#include <utility>

namespace tandem::dpdk {
namespace {

static_assert(wire::EthernetFrame::header_size == 14);
constexpr std::size_t udp = wire::UdpDatagram::header_size;
constexpr std::uint8_t hop_limit = 64;

template <typename T>
void store(std::uint8_t* at, T value) {
    std::memcpy(at, &value, sizeof value);
}
void store_be16(std::uint8_t* at, std::size_t value) {
    store(at, __builtin_bswap16(static_cast<std::uint16_t>(value)));
}

/// By itself, whatever the compiler makes of those beside it.
template <typename T>
[[gnu::always_inline]] inline void copy_word(std::uint8_t* to, const std::uint8_t* from) {
    T word;
    std::memcpy(&word, from, sizeof word);
    asm("" : "+r"(word));
    store(to, word);
}

std::size_t ip_size(const wire::IpAddress& address) {
    return address.is_v4() ? wire::IpPacket::ipv4_header_min : wire::IpPacket::ipv6_header;
}

} // namespace

inline rte_mbuf* MirrorPort::Stash::take() {
    if (left == 0 && !fill()) [[unlikely]]
        return nullptr;
    return buffers[--left];
}

bool MirrorPort::Stash::fill() {
    if (rte_pktmbuf_alloc_bulk(pool, buffers.data(), at_once) != 0)
        return false;
    left = at_once;
    return true;
}

void MirrorPort::Stash::give_back() {
    rte_pktmbuf_free_bulk(buffers.data(), std::exchange(left, 0U));
}

MirrorPort::MirrorPort(const MirrorPools& pools) {
    headers_.pool = pools.headers;
    indirect_.pool = pools.indirect;
    copies_.pool = pools.copies;
}

MirrorPort::~MirrorPort() {
    for (Stash* stash : {&headers_, &indirect_, &copies_})
        stash->give_back();
}

void MirrorPort::set_route(const MirrorRoute& route) {
    route_ = route;
    header_size_ = 0;
    header_.fill(0);
    const std::size_t ip = ip_size(route.local);
    const std::span<std::uint8_t> out{header_};
    wire::write_ethernet(out, route.next_hop, route.station,
                         route.local.is_v4() ? wire::ether_type_ipv4 : wire::ether_type_ipv6);
    if (wire::write_ip(out.subspan(ethernet), route.local, route.peer, wire::protocol_udp, hop_limit, 0) !=
        ip)
        return;
    std::uint8_t* at = header_.data() + ethernet;
    if (route.local.is_v4()) {
        store_be16(at + 2, 0);
        store_be16(at + 6, 0); // a longer datagram goes in fragments
        store_be16(at + 10, 0);
        header_sum_ = static_cast<std::uint32_t>(wire::checksum_add(0, out.subspan(ethernet, ip)));
    } else {
        store_be16(at + 4, 0);
    }
    store_be16(at + ip, route.port);
    store_be16(at + ip + 2, route.port);
    header_size_ = ethernet + ip + udp + wire::HaHeader::size;
    write_form();
}

void MirrorPort::write_form() {
    if (header_size_ > 0)
        wire::write(form_,
                    std::span(header_).subspan(header_size_ - wire::HaHeader::size, wire::HaHeader::size));
}

void MirrorPort::forget_key() {
    fast_sealer_.reset();
    sealer_.reset();
    clear_ = false;
    numbers_ = nullptr;
}

void MirrorPort::seal_with(std::uint32_t association, const contract::DatagramKey& key,
                           seal::Numbers& numbers, Sealing sealing) {
    forget_key();
    if (sealing == Sealing::fastest)
        fast_sealer_ = Gcm::make(key);
    if (!fast_sealer_)
        sealer_.emplace(key);
    numbers_ = &numbers;
    form_ = {wire::ha_version, wire::HaType::mirror, association, 0};
    write_form();
}

void MirrorPort::send_in_clear(Copying copying) {
    forget_key();
    clear_ = true;
    copying_ = copying;
    clear_numbers_.begin(clear_reserved_);
    numbers_ = &clear_numbers_;
    form_ = {wire::ha_version, wire::HaType::mirror_clear, 0, 0};
    write_form();
}

/// Copies what stands in front of a packet. It was written a moment ago, and is read in the very words in
/// which it was written: read in larger ones it would have to reach the cache first.
[[gnu::always_inline]] inline void MirrorPort::copy_head(std::uint8_t* out,
                                                         std::span<const std::uint8_t> head) {
    if (head.size() != path::PacketFrame::header_size) [[unlikely]] {
        std::memcpy(out, head.data(), head.size());
        return;
    }
    static_assert(path::PacketFrame::header_size == 4 + 3 * 8);
    copy_word<std::uint32_t>(out, head.data());
    for (std::size_t at = 4; at < path::PacketFrame::header_size; at += 8)
        copy_word<std::uint64_t>(out + at, head.data() + at);
}

/// Writes all headers for a datagram with so many octets behind the HA header; gives their size.
inline std::size_t MirrorPort::write_headers(std::uint8_t* out, std::uint64_t sequence, std::size_t payload) {
    std::memcpy(out, header_.data(), header_.size()); // a fixed size is a few moves
    std::uint8_t* at = out + ethernet;
    const std::size_t datagram = udp + wire::HaHeader::size + payload;
    std::size_t ip = wire::IpPacket::ipv6_header;
    if (route_.local.is_v4()) {
        ip = wire::IpPacket::ipv4_header_min;
        const std::uint16_t identification = ++identification_;
        const std::uint32_t total = static_cast<std::uint32_t>(ip + datagram);
        store_be16(at + 2, total);
        store_be16(at + 4, identification);
        std::uint32_t sum = header_sum_ + total + identification;
        sum = (sum & 0xffffU) + (sum >> 16U);
        sum = (sum & 0xffffU) + (sum >> 16U);
        store_be16(at + 10, ~sum & 0xffffU);
    } else {
        store_be16(at + 4, datagram);
    }
    store_be16(at + ip + 4, datagram);
    store(out + header_size_ - 8, __builtin_bswap64(sequence));
    return header_size_;
}

/// UDP over IPv6 has a checksum (RFC 8200 section 8.1); over IPv4 it needs none, and what is inside has its
/// own.
void MirrorPort::finish_checksum(rte_mbuf* first) const {
    const auto* ip = rte_pktmbuf_mtod_offset(first, const rte_ipv6_hdr*, ethernet);
    constexpr std::uint32_t at = ethernet + wire::IpPacket::ipv6_header;
    std::uint16_t octets = 0;
    if (rte_raw_cksum_mbuf(first, at, first->pkt_len - at, &octets) != 0)
        return;
    std::uint32_t sum = std::uint32_t{octets} + rte_ipv6_phdr_cksum(ip, 0);
    sum = (sum & 0xffffU) + (sum >> 16U);
    sum = (sum & 0xffffU) + (sum >> 16U);
    const auto field = static_cast<std::uint16_t>(~sum & 0xffffU);
    store(rte_pktmbuf_mtod(first, std::uint8_t*) + at + 6, field == 0 ? std::uint16_t{0xffff} : field);
}

/// Headers, frame and tag, without a UDP checksum; the length of all, 0: the cipher failed. There is room.
inline std::size_t MirrorPort::fill(std::uint8_t* data, std::span<const std::uint8_t> head,
                                    const std::uint8_t* body, std::size_t length) {
    const std::size_t frame = head.size() + length;
    const std::uint64_t sequence = numbers_->take();
    const std::size_t headers = write_headers(data, sequence, frame + tag_size());
    copy_head(data + headers, head);
    if (length > 0)
        std::memcpy(data + headers + head.size(), body, length);
    if (clear_)
        return headers + frame;
    const std::span<const std::uint8_t> bound{data + headers - wire::HaHeader::size, wire::HaHeader::size};
    const std::span<std::uint8_t> text{data + headers, frame};
    if (fast_sealer_)
        fast_sealer_->seal(sequence, bound, text, data + headers + frame);
    else if (sealer_->seal(sequence, bound, text, {data + headers, frame + seal::tag_size}) == 0) [[unlikely]]
        return 0;
    return headers + frame + seal::tag_size;
}

rte_mbuf* MirrorPort::copied(std::span<const std::uint8_t> head, const std::uint8_t* body,
                             std::size_t length) {
    rte_mbuf* out = copies_.take();
    if (out == nullptr)
        return nullptr;
    // Where there is room, the copy lies in its lines as the packet in its own: nothing straddles two.
    constexpr std::uintptr_t line = 64;
    const std::size_t room = rte_pktmbuf_tailroom(out);
    const std::size_t needed = header_max + head.size() + length + seal::tag_size;
    const auto headers = reinterpret_cast<std::uintptr_t>(body) - header_size_ - head.size();
    const std::size_t gap = (headers - reinterpret_cast<std::uintptr_t>(rte_pktmbuf_mtod(out, void*))) % line;
    if (needed + gap <= room) [[likely]]
        out->data_off = static_cast<std::uint16_t>(out->data_off + gap);
    std::size_t size = 0;
    if (needed <= room) [[likely]]
        size = fill(rte_pktmbuf_mtod(out, std::uint8_t*), head, body, length);
    if (size == 0) [[unlikely]] {
        rte_pktmbuf_free(out);
        return nullptr;
    }
    out->data_len = static_cast<std::uint16_t>(size);
    out->pkt_len = out->data_len;
    return out;
}

std::size_t MirrorPort::write(std::span<std::uint8_t> out, std::span<const std::uint8_t> head,
                              std::span<const std::uint8_t> body) {
    constexpr std::size_t length_max = 65'535; // IPv6 does not count its header
    const std::size_t packet_max = length_max + (route_.local.is_v4() ? 0 : wire::IpPacket::ipv6_header);
    const std::size_t frame = head.size() + body.size();
    if (!ready() || out.size() < header_max + frame + seal::tag_size || packet_size(frame) > packet_max)
        return 0;
    const std::size_t size = fill(out.data(), head, body.data(), body.size());
    if (size == 0)
        return 0;
    const std::size_t at = ethernet + ip_size(route_.local);
    const std::span<std::uint8_t> datagram = out.subspan(at, size - at);
    const std::uint16_t sum =
        wire::transport_checksum(route_.local, route_.peer, wire::protocol_udp, datagram);
    store_be16(datagram.data() + 6, sum == 0 ? 0xffffU : sum);
    return size;
}

rte_mbuf* MirrorPort::referred(std::span<const std::uint8_t> head, rte_mbuf* packet, std::size_t offset,
                               std::size_t length) {
    rte_mbuf* first = headers_.take();
    rte_mbuf* second = indirect_.take();
    if (first == nullptr || second == nullptr) [[unlikely]] {
        rte_pktmbuf_free(first);
        rte_pktmbuf_free(second);
        return nullptr;
    }
    auto* data = rte_pktmbuf_mtod(first, std::uint8_t*);
    const std::size_t headers = write_headers(data, numbers_->take(), head.size() + length);
    copy_head(data + headers, head);
    rte_pktmbuf_attach(second, packet);
    second->data_off = static_cast<std::uint16_t>(second->data_off + offset);
    second->data_len = static_cast<std::uint16_t>(length);
    second->pkt_len = static_cast<std::uint32_t>(length);
    second->next = nullptr;
    second->nb_segs = 1;
    first->data_len = static_cast<std::uint16_t>(headers + head.size());
    first->pkt_len = static_cast<std::uint32_t>(headers + head.size() + length);
    first->nb_segs = 2;
    first->next = second;
    return first;
}

rte_mbuf* MirrorPort::datagram(std::span<const std::uint8_t> head, rte_mbuf* packet, std::size_t offset,
                               std::size_t length) {
    if (!ready() || offset + length > packet->data_len) [[unlikely]]
        return nullptr;
    rte_mbuf* out = clear_ && copying_ == Copying::reference
                        ? referred(head, packet, offset, length)
                        : copied(head, rte_pktmbuf_mtod(packet, const std::uint8_t*) + offset, length);
    if (out != nullptr && !route_.local.is_v4())
        finish_checksum(out);
    return out;
}

rte_mbuf* MirrorPort::datagram(std::span<const std::uint8_t> head, std::span<const std::uint8_t> body) {
    if (!ready())
        return nullptr;
    rte_mbuf* out = copied(head, body.data(), body.size());
    if (out != nullptr && !route_.local.is_v4())
        finish_checksum(out);
    return out;
}

} // namespace tandem::dpdk
