// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/lane.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/octets.hh"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem::dpdk {
namespace {

constexpr std::size_t addresses = 12; ///< octets in front of the type
constexpr std::size_t tag_octets = 4;
constexpr std::uint16_t vlan_mask = 0x0fff; ///< without priority

} // namespace

std::span<std::uint8_t> octets_of(rte_mbuf* packet) {
    return {rte_pktmbuf_mtod(packet, std::uint8_t*), rte_pktmbuf_data_len(packet)};
}

Lane::Lane(const LaneParts& parts, contract::Counters& counters, std::uint16_t worker, WhenFull when_full)
    : port_(parts.port)
    , tap_(parts.tap)
    , counters_(counters)
    , pool_(parts.pool)
    , worker_(worker)
    , when_full_(when_full)
    , receives_(worker < parts.port.receive_queues())
    , transmit_queue_(worker % parts.port.transmit_queues())
    , status_(parts.status.queue[receives_ ? worker : transmit_queue_]) {
    if (!parts.shared.empty())
        shared_ = parts.shared[transmit_queue_].get();
    const contract::PortSetup& setup = port_.setup();
    const std::size_t count = std::min<std::size_t>(setup.tag_count, setup.tags.size());
    for (std::size_t i = 0; i < count; ++i) {
        const bool service = count == 2 && i == 0;
        wire::store_be(tags_, tags_size_, service ? wire::ether_type_service_vlan : wire::ether_type_vlan);
        wire::store_be(tags_, tags_size_ + 2, setup.tags[i]);
        tags_size_ += tag_octets;
    }
}

Lane::~Lane() {
    for (std::size_t i = 0; i < out_count_; ++i)
        ::rte_pktmbuf_free(out_[i]);
}

std::span<rte_mbuf*> Lane::receive() {
    if (!receives_)
        return {};
    return in_.next([this](rte_mbuf** into) { return port_.receive(worker_, into, Port::burst_max); });
}

Tags Lane::untag(rte_mbuf* packet) const {
    const std::span<std::uint8_t> frame = octets_of(packet);
    if (frame.size() < wire::EthernetFrame::header_size)
        return Tags::other;
    const auto is_tag = [](std::uint16_t type) {
        return type == wire::ether_type_vlan || type == wire::ether_type_service_vlan;
    };
    std::size_t at = addresses;
    for (std::size_t tag = 0; tag < tags_size_; tag += tag_octets, at += tag_octets) {
        if (frame.size() < at + tag_octets + 2 || !is_tag(wire::load_be<std::uint16_t>(frame, at)))
            return Tags::other;
        const auto seen = wire::load_be<std::uint16_t>(frame, at + 2) & vlan_mask;
        if (seen != wire::load_be<std::uint16_t>(tags_, tag + 2))
            return Tags::other;
    }
    if (is_tag(wire::load_be<std::uint16_t>(frame, at)))
        return Tags::other;
    if (tags_size_ > 0) {
        std::memmove(frame.data() + tags_size_, frame.data(), addresses);
        ::rte_pktmbuf_adj(packet, static_cast<std::uint16_t>(tags_size_));
    }
    return Tags::ours;
}

bool Lane::tag(rte_mbuf* packet) const {
    if (tags_size_ == 0)
        return true;
    char* front = ::rte_pktmbuf_prepend(packet, static_cast<std::uint16_t>(tags_size_));
    if (front == nullptr) // a whole headroom of tags never comes about
        return false;
    std::memmove(front, front + tags_size_, addresses);
    std::memcpy(front + addresses, tags_.data(), tags_size_);
    return true;
}

void Lane::send(rte_mbuf* packet) {
    if (!tag(packet)) {
        counters_.add(contract::Counter::no_buffer);
        ::rte_pktmbuf_free(packet);
        return;
    }
    if (out_count_ == out_.size()) // all of them were kept
        flush();
    if (out_count_ == out_.size()) {
        drop_full({&packet, 1}, counters_, status_);
        return;
    }
    out_[out_count_++] = packet;
    if (out_count_ == out_.size())
        flush();
}

void Lane::flush() {
    const std::span<rte_mbuf*> packets = std::span(out_).first(std::exchange(out_count_, 0U));
    if (packets.empty())
        return;
    if (shared_ != nullptr)
        return shared_->send(worker_, packets, counters_);
    if (when_full_ == WhenFull::drop)
        return send_now(port_, transmit_queue_, packets, counters_, status_);
    const std::size_t done = dpdk::offer(port_, transmit_queue_, packets);
    std::copy(packets.begin() + static_cast<std::ptrdiff_t>(done), packets.end(), out_.begin());
    out_count_ = packets.size() - done;
}

std::size_t Lane::offer(std::span<rte_mbuf*> packets) {
    flush();
    if (out_count_ > 0)
        return 0;
    return dpdk::offer(port_, transmit_queue_, packets);
}

void Lane::to_kernel(rte_mbuf* packet) {
    const bool taken = packet->nb_segs == 1 && tap_.write(octets_of(packet));
    counters_.add(taken ? contract::Counter::kernel_out : contract::Counter::kernel_failed);
    ::rte_pktmbuf_free(packet);
}

std::size_t Lane::from_kernel() {
    std::size_t count = 0;
    for (; count < kernel_burst; ++count) {
        rte_mbuf* packet = ::rte_pktmbuf_alloc(pool_);
        if (packet == nullptr) {
            counters_.add(contract::Counter::no_buffer);
            break;
        }
        const std::size_t room = rte_pktmbuf_tailroom(packet);
        const std::size_t length = tap_.read({rte_pktmbuf_mtod(packet, std::uint8_t*), room});
        if (length == 0) {
            ::rte_pktmbuf_free(packet);
            break;
        }
        ::rte_pktmbuf_append(packet, static_cast<std::uint16_t>(length));
        counters_.add(contract::Counter::kernel_in);
        send(packet);
    }
    return count;
}

} // namespace tandem::dpdk
