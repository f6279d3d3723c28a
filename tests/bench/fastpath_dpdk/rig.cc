// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/fastpath_dpdk/rig.hh"

#include "dataplane/path/mirror_frame.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/udp.hh"

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

namespace fastpath_bench {

using namespace tandem;

namespace {

constexpr std::size_t flow_capacity = 65'536;
constexpr std::uint64_t stream = 3261;
constexpr std::size_t phones = 4096;
constexpr contract::DatagramKey key{{1, 2, 3}, {4, 5, 6}};

void demand(bool holds, const char* what) {
    if (holds)
        return;
    std::fprintf(stderr, "fastpath_dpdk: %s\n", what);
    std::exit(2);
}

/// A port that delivers buffers of a pool as they are, and frees what is transmitted.
std::uint16_t null_port(const std::string& name, std::size_t size, rte_mempool* pool) {
    const std::string arguments = "size=" + std::to_string(size) + ",copy=0";
    demand(rte_eal_hotplug_add("vdev", name.c_str(), arguments.c_str()) == 0, "no net_null port");
    std::uint16_t port = 0;
    demand(rte_eth_dev_get_port_by_name(name.c_str(), &port) == 0, "no such port");
    const rte_eth_conf plain{};
    demand(rte_eth_dev_configure(port, 1, 1, &plain) == 0 &&
               rte_eth_rx_queue_setup(port, 0, 1024, SOCKET_ID_ANY, nullptr, pool) == 0 &&
               rte_eth_tx_queue_setup(port, 0, 1024, SOCKET_ID_ANY, nullptr) == 0 &&
               rte_eth_dev_start(port) == 0,
           "the port does not start");
    return port;
}

/// Memory of a table: on hugepages where buffers are, since thousands of pages do not fit what translates
/// addresses.
TableMemory table_memory(std::size_t octets) {
    constexpr std::size_t page = 2U << 20U;
    octets = (octets + page - 1) / page * page;
    void* at = std::aligned_alloc(page, octets);
    demand(at != nullptr, "no memory for tables");
    if (rte_eal_has_hugepages() != 0)
        ::madvise(at, octets, MADV_HUGEPAGE);
    return {static_cast<std::byte*>(at), octets};
}

std::uint8_t* content(rte_mbuf* packet) {
    return static_cast<std::uint8_t*>(packet->buf_addr) + RTE_PKTMBUF_HEADROOM;
}

} // namespace

Rig::Rig(const RigSetup& setup)
    : setup_(setup)
    , traffic_(setup.work == Work::rtp ? rtp_traffic(setup.pool) : sip_traffic(setup.pool)) {
    make_pools();
    ahead_.emplace();
    const std::size_t size = traffic_.frames.front().size();
    outside_ = null_port("net_null_outside", size, pool_);
    inside_ = null_port("net_null_inside", size, headers_);
    ha_ = null_port("net_null_ha", size, headers_);
    fill_pool();
    make_policy();

    flow_memory_ = table_memory(state::Flows::octets(flow_capacity));
    flows_.emplace(flow_memory_.octets(), flow_capacity, 42);
    front_.emplace(4711);
    burst_ = std::make_unique<dpdk::Burst>(*front_, &*flows_, counters_);
    burst_->set_station(path::Facing::outside, outside_station());
    burst_->set_station(path::Facing::inside, inside_station());
    stances_.fill(path::Stance::active);
    burst_->begin(policy_, 1, stances_);
    burst_->set_server(0, server_station());

    mirror_.emplace(dpdk::MirrorPools{headers_, indirect_, copies_});
    mirror_->set_route({outside_station(), server_station(), *wire::IpAddress::parse("192.0.2.1"),
                        *wire::IpAddress::parse("192.0.2.2"), 7102, 1500});
    numbers_.begin(numbers_reserved_);
    if (setup_.work == Work::seal)
        mirror_->seal_with(1, key, numbers_, setup_.sealing);
    else
        mirror_->send_in_clear(setup_.work == Work::copy ? dpdk::Copying::deep : dpdk::Copying::reference);
    if (setup_.work == Work::track) {
        const state::Tracker::Limits limits = state::Tracker::limits_for(100'000, 100'000);
        registration_memory_ = table_memory(state::Registrations::octets(limits.registrations));
        dialog_memory_ = table_memory(state::Dialogs::octets(limits.dialogs));
        tracker_ = std::make_unique<state::Tracker>(
            state::Tracker::Memory{registration_memory_.octets(), dialog_memory_.octets()}, limits, 1);
    }
}

Rig::~Rig() {
    mirror_.reset(); // these give buffers back
    ahead_.reset();
    for (const std::uint16_t port : {outside_, inside_, ha_}) {
        rte_eth_dev_stop(port);
        rte_eth_dev_close(port);
    }
    for (const char* name : {"net_null_outside", "net_null_inside", "net_null_ha"})
        rte_eal_hotplug_remove("vdev", name);
    for (rte_mempool* pool : {pool_, headers_, indirect_, copies_})
        rte_mempool_free(pool);
}

void Rig::make_pools() {
    const bool first = setup_.order == Order::first_first;
    constexpr std::uint16_t room = 2048 + RTE_PKTMBUF_HEADROOM;
    pool_ = rte_pktmbuf_pool_create_by_ops("received", static_cast<unsigned>(setup_.pool), first ? 0 : 256, 0,
                                           room, SOCKET_ID_ANY, first ? "ring_sp_sc" : "ring_mp_mc");
    constexpr unsigned others = 8192;
    headers_ = rte_pktmbuf_pool_create("headers", others, 256, 0, 256 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    indirect_ = rte_pktmbuf_pool_create("indirect", others, 256, 0, 0, SOCKET_ID_ANY);
    copies_ = rte_pktmbuf_pool_create("copies", others, 256, 0, room, SOCKET_ID_ANY);
    demand(pool_ != nullptr && headers_ != nullptr && indirect_ != nullptr && copies_ != nullptr,
           "no memory for buffers");
}

/// Writes a message into every buffer, and gives the buffers back in an order that is not that of their
/// addresses.
void Rig::fill_pool() {
    std::vector<rte_mbuf*> all(setup_.pool);
    demand(rte_pktmbuf_alloc_bulk(pool_, all.data(), static_cast<unsigned>(all.size())) == 0,
           "the pool is not full");
    std::mt19937 random{4096};
    std::shuffle(all.begin(), all.end(), random);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Octets& frame = traffic_.frames[i];
        std::memcpy(content(all[i]), frame.data(), frame.size());
        // Survives being freed and allocated; stands for the length that hardware would report.
        all[i]->hash.usr = static_cast<std::uint32_t>(frame.size());
    }
    for (rte_mbuf* packet : all)
        rte_pktmbuf_free(packet);
}

void Rig::make_policy() {
    policy_.vip_count = 4;
    for (std::uint8_t i = 0; i < 4; ++i) {
        policy_.vips[i].address = vip();
        policy_.vips[i].address.octets[3] = static_cast<std::uint8_t>(10 + i);
        policy_.vips[i].group = i % 2;
    }
    policy_.group_count = 2;
    for (std::size_t g = 0; g < 2; ++g) {
        contract::GroupPolicy& group = policy_.groups[g];
        const bool all = setup_.work == Work::copy || setup_.work == Work::seal;
        group.pattern = contract::RequestPattern::parse(all ? "" : "REGISTER").value();
        group.mirroring = contract::Mirroring::on;
        group.forwarding = contract::Forwarding::transparent;
        group.sip_port_count = 2;
        group.sip_ports = {5060, 5062};
    }
}

void Rig::mirror() {
    datagram_count_ = 0;
    // A worker tracks, reads every frame because of that, and asks always. Without, only who copies reads
    // them.
    const bool most = tracker_ != nullptr || 2 * burst_->mirrored().size() > packets_.size();
    for (const dpdk::Looked looked : burst_->mirrored()) {
        if (most)
            ahead_->soon().ask();
        std::array<std::uint8_t, path::PacketFrame::header_size> head;
        path::write_packet_header({stream, ++stream_sequence_, 7, {}}, head);
        if (!opened_ && setup_.work == Work::seal) [[unlikely]] {
            check_sealed(looked);
            continue;
        }
        rte_mbuf* datagram = mirror_->datagram(head, looked.packet, looked.seen.network, looked.seen.length);
        if (datagram != nullptr)
            datagrams_[datagram_count_++] = datagram;
        else
            ++unmirrored_;
    }
    mirrored_ += datagram_count_;
}

/// Opens one datagram as the peer would, and compares what is inside with the packet.
void Rig::check_sealed(const dpdk::Looked& looked) {
    std::array<std::uint8_t, path::PacketFrame::header_size> head;
    path::write_packet_header({stream, stream_sequence_, 7, {}}, head);
    rte_mbuf* datagram = mirror_->datagram(head, looked.packet, looked.seen.network, looked.seen.length);
    demand(datagram != nullptr, "no datagram");
    const auto packet =
        wire::parse_ip({rte_pktmbuf_mtod(datagram, const std::uint8_t*) + 14, datagram->data_len - 14U});
    demand(packet.has_value(), "the datagram is no IP packet");
    const auto udp = wire::parse_udp(packet->payload);
    demand(udp.has_value(), "the datagram is no UDP datagram");
    const auto header = wire::read_ha_header(udp->payload);
    demand(header.has_value(), "the datagram has no header");
    seal::Opener opener{key};
    std::vector<std::uint8_t> open(udp->payload.size());
    const auto length = opener.open(header->sequence, udp->payload.first(wire::HaHeader::size),
                                    udp->payload.subspan(wire::HaHeader::size), open);
    opened_ = length == head.size() + looked.seen.length &&
              std::memcmp(open.data(), head.data(), head.size()) == 0 &&
              std::memcmp(open.data() + head.size(),
                          rte_pktmbuf_mtod(looked.packet, const std::uint8_t*) + looked.seen.network,
                          looked.seen.length) == 0;
    demand(opened_, "what was sealed does not open as the packet");
    datagrams_[datagram_count_++] = datagram;
}

/// As the port gives them, with the lengths of what was written into them.
std::size_t Rig::receive(rte_mbuf** into) {
    const std::uint16_t count = rte_eth_rx_burst(outside_, 0, into, dpdk::Port::burst_max);
    if (setup_.work != Work::rtp)
        for (std::size_t i = 0; i < count; ++i) {
            into[i]->data_len = static_cast<std::uint16_t>(into[i]->hash.usr);
            into[i]->pkt_len = into[i]->hash.usr;
        }
    return count;
}

std::size_t Rig::turn() {
    packets_ = ahead_->next([this](rte_mbuf** into) { return receive(into); });
    const std::size_t count = packets_.size();
    now_ns_ += 1000;
    burst_->begin(policy_, 1, stances_);
    burst_->from_outside(packets_, table::Instant{std::chrono::nanoseconds{now_ns_}});
    if (!burst_->mirrored().empty()) {
        mirror();
        const std::uint16_t sent =
            rte_eth_tx_burst(ha_, 0, datagrams_.data(), static_cast<std::uint16_t>(datagram_count_));
        counters_.add(contract::Counter::mirror_sent, sent);
    }
    if (tracker_)
        tracker_->see(table::Instant{std::chrono::nanoseconds{now_ns_}},
                      messages_.of(burst_->sip(), state::Way::served), &ahead_->soon());
    burst_->translate();
    if (setup_.order == Order::last_first)
        // The same few buffers come again and again: another phone sends next time.
        for (std::size_t i = 0; i < count; ++i) {
            const auto phone = static_cast<std::uint16_t>((phone_ + i) % phones);
            std::memcpy(content(packets_[i]) + 28, &phone, sizeof phone);
        }
    phone_ += count;
    const auto forwarded = burst_->forwarded();
    forwarded_ +=
        rte_eth_tx_burst(inside_, 0, forwarded.data(), static_cast<std::uint16_t>(forwarded.size()));
    for (const dpdk::Looked looked : burst_->rest()) {
        rte_pktmbuf_free(looked.packet);
        ++left_;
    }
    received_ += count;
    return count;
}

std::vector<std::string> Rig::verify() {
    using contract::Counter;
    std::vector<std::string> wrong;
    const auto check = [&](const char* what, std::uint64_t is, std::uint64_t must) {
        if (is != must)
            wrong.push_back(std::string{what} + ": " + std::to_string(is) + " instead of " +
                            std::to_string(must));
    };
    const bool rtp = setup_.work == Work::rtp;
    check("forwarded", forwarded_, received_);
    check("left for the slow way", left_, 0);
    check("SIP received", counters_.get(Counter::sip_received), rtp ? 0 : received_);
    check("SIP forwarded", counters_.get(Counter::sip_forwarded), rtp ? 0 : received_);
    check("other packets forwarded", counters_.get(Counter::not_sip), rtp ? received_ : 0);
    check("not mirrored for want of a buffer", unmirrored_, 0);
    check("mirrored", counters_.get(Counter::mirror_sent), counters_.get(Counter::mirror_matched));
    check("not extracted", tracker_ ? tracker_->unread() : 0, 0);
    std::uint64_t counted = 0;
    state::Flows::reader(flows_->memory(), flow_capacity).for_each([&](const state::Flow& flow) {
        counted += flow.packets[0] + flow.packets[1];
    });
    check("packets counted in flows", counted, received_);

    // One full round, packet by packet, with what the texts themselves say.
    const std::uint64_t matched = counters_.get(Counter::mirror_matched);
    std::uint64_t expected = 0;
    std::uint64_t round = 0;
    std::uint64_t unlike = 0;
    while (round < 4 * setup_.pool) {
        const std::size_t count = turn();
        round += count;
        for (std::size_t i = 0; i < count; ++i) {
            const auto* data = content(packets_[i]);
            const auto* text = reinterpret_cast<const char*>(data + 42);
            const bool all = setup_.work == Work::copy || setup_.work == Work::seal;
            expected += !rtp && (all || std::memcmp(text, "REGISTER ", 9) == 0) ? 1 : 0;
            unlike += std::memcmp(data, server_station().octets.data(), 6) != 0 ||
                              std::memcmp(data + 6, inside_station().octets.data(), 6) != 0
                          ? 1
                          : 0;
            std::memcpy(content(packets_[i]) + 6, router_station().octets.data(), 6);
        }
    }
    check("matched by what the texts say", counters_.get(Counter::mirror_matched) - matched, expected);
    check("frames without the new stations", unlike, 0);
    if (setup_.order == Order::first_first)
        check("flows", flows_->size(), traffic_.flows);
    else if (flows_->size() < phones)
        wrong.push_back("only " + std::to_string(flows_->size()) + " flows");
    if (tracker_ && setup_.order == Order::first_first) {
        check("registrations", tracker_->registrations().size(), traffic_.registers);
        const state::DialogCounts& dialogs = tracker_->dialogs().counts();
        if (dialogs.confirmed == 0 || dialogs.ended == 0)
            wrong.emplace_back("no dialog was confirmed and ended");
    }
    return wrong;
}

} // namespace fastpath_bench
