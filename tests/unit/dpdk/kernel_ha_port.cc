// SPDX-License-Identifier: GPL-3.0-or-later
// Two nodes' HA ports on one port of DPDK that gives back what it is given, and takes 1,023 frames at most.

#include "dataplane/io/dpdk/ha_port.hh"

#include "dataplane/path/split.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/udp.hh"

#include <boost/test/unit_test.hpp>

#include <rte_mbuf.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <set>
#include <vector>

namespace {

using namespace tandem;
using contract::Counter;
using dpdk::Urgency;
using path::Sent;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t ring = 1023;
constexpr std::uint16_t mirror_port = 7102;

Bytes frame_of(std::size_t size, std::uint8_t first = 0) {
    Bytes frame(size);
    for (std::size_t i = 0; i < size; ++i)
        frame[i] = static_cast<std::uint8_t>(first + i * 5 + size);
    return frame;
}

rte_mempool* buffers() {
    static rte_mempool* const pool =
        rte_pktmbuf_pool_create("packets", 8191, 0, 0, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
    return pool;
}

dpdk::Port& port() {
    static dpdk::Port made = [] {
        contract::PortSetup setup;
        const std::string_view device = "net_ring0";
        std::ranges::copy(device, setup.device.begin());
        auto opened = dpdk::Port::open(setup, buffers(), 1, contract::Idle::poll);
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string{} : opened.error()));
        return std::move(*opened);
    }();
    return made;
}

/// A node's end of the path.
struct Node {
    std::unique_ptr<contract::Page> page{std::make_unique<contract::Page>()};
    halink::LinkSeal seal;
    dpdk::HaPort ha;
    contract::Policy policy;
    path::NextHops hops{1};

    Node(dpdk::Lane& lane, const contract::MirrorEndpoint& ends, std::uint8_t mine, std::uint8_t theirs,
         contract::MirrorSeal mirror)
        : ha(lane, seal, page->counters, buffers(), {0, mirror, 1024, 7}) {
        seal.attach(*page, 0);
        contract::MirrorLink keys;
        keys.current.association = 77;
        keys.current.transmit.key.fill(mine);
        keys.current.receive.key.fill(theirs);
        page->mirror_links[0].write(keys);
        policy.path_count = 1;
        policy.mirror_port = mirror_port;
        policy.paths[0] = ends;
        path::HopChange route;
        route.what = path::HopChange::What::route;
        route.segment = path::ha_segment(0);
        route.address = ends.peer;
        route.length = ends.peer.is_v4() ? 24 : 64;
        hops.apply(route);
        path::HopChange neighbour = route;
        neighbour.what = path::HopChange::What::neighbour;
        neighbour.mac = port().mac();
        hops.apply(neighbour);
        refresh();
    }
    void refresh() {
        seal.refresh();
        ha.refresh(policy, hops, path::Instant{});
    }
    std::uint64_t count(Counter c) const { return page->counters.get(c); }
};

struct Cable {
    dpdk::Tap tap;
    contract::Counters counters;
    contract::PortStatus status{};
    std::vector<std::unique_ptr<dpdk::SharedQueue>> shared;
    dpdk::Lane lane;
    Node a;
    Node b;

    explicit Cable(wire::Family family = wire::Family::ipv4,
                   contract::MirrorSeal of_a = contract::MirrorSeal::sealed,
                   contract::MirrorSeal of_b = contract::MirrorSeal::sealed)
        : tap(make_tap())
        , lane({port(), tap, status, buffers(), shared}, counters, 0, dpdk::WhenFull::keep)
        , a(lane, {first(family), second(family)}, 1, 2, of_a)
        , b(lane, {second(family), first(family)}, 2, 1, of_b) {
        BOOST_REQUIRE(a.ha.ready());
    }
    ~Cable() {
        for (rte_mbuf* packet : drain())
            rte_pktmbuf_free(packet);
    }
    static dpdk::Tap make_tap() {
        auto opened = dpdk::Tap::open("ta0", *wire::MacAddress::parse("02:00:00:00:00:0a"), 1500);
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string{} : opened.error()));
        return std::move(*opened);
    }
    static wire::IpAddress first(wire::Family family) {
        return *wire::IpAddress::parse(family == wire::Family::ipv4 ? "192.0.2.1" : "2001:db8::1");
    }
    static wire::IpAddress second(wire::Family family) {
        return *wire::IpAddress::parse(family == wire::Family::ipv4 ? "192.0.2.2" : "2001:db8::2");
    }
    /// All that stands in the port.
    std::vector<rte_mbuf*> drain() {
        std::vector<rte_mbuf*> all;
        for (auto burst = lane.receive(); !burst.empty(); burst = lane.receive())
            all.insert(all.end(), burst.begin(), burst.end());
        return all;
    }
    /// What the other node finds in all that stands in the port.
    std::vector<Bytes> arrived() {
        std::vector<Bytes> contents;
        for (rte_mbuf* packet : drain())
            if (const auto content = b.ha.take(packet, path::Instant{}))
                contents.emplace_back(content->begin(), content->end());
        return contents;
    }
    Sent send(const Bytes& frame, Urgency urgency = Urgency::live) { return a.ha.send(urgency, frame, {}); }
};

void check_round_trip(wire::Family family, contract::MirrorSeal mirror) {
    const unsigned before = rte_mempool_in_use_count(buffers());
    {
        Cable cable{family, mirror, mirror};
        // Around the MTU, and the longest of all.
        for (const std::size_t size :
             {1, 44, 740, 1400, 1420, 1440, 1456, 1472, 1500, 4000, 20'000, 65'475}) {
            const Bytes frame = frame_of(size);
            BOOST_TEST((cable.send(frame) == Sent::yes), size);
            BOOST_TEST((cable.a.ha.send(Urgency::live, std::span(frame).first(1),
                                        std::span(frame).subspan(1)) == Sent::yes));
            cable.a.ha.flush();
            const auto contents = cable.arrived();
            BOOST_REQUIRE_MESSAGE(contents.size() == 2U, size);
            BOOST_TEST((contents[0] == frame), size);
            BOOST_TEST((contents[1] == frame), size);
        }
        BOOST_TEST((cable.send(frame_of(65'536)) == Sent::failed));
        BOOST_TEST(cable.b.count(Counter::ha_port_received) == 24U);
        BOOST_TEST(cable.a.count(Counter::no_buffer) == 0U);
    }
    BOOST_TEST(rte_mempool_in_use_count(buffers()) <= before);
}

} // namespace

BOOST_AUTO_TEST_SUITE(ha_port)

BOOST_AUTO_TEST_CASE(what_one_node_sends_the_other_opens) {
    check_round_trip(wire::Family::ipv4, contract::MirrorSeal::sealed);
    check_round_trip(wire::Family::ipv6, contract::MirrorSeal::sealed);
}

BOOST_AUTO_TEST_CASE(in_clear_likewise) {
    check_round_trip(wire::Family::ipv4, contract::MirrorSeal::clear);
    check_round_trip(wire::Family::ipv6, contract::MirrorSeal::clear);
}

BOOST_AUTO_TEST_CASE(clear_is_refused_where_sealed_is_wanted) {
    {
        Cable cable{wire::Family::ipv4, contract::MirrorSeal::clear, contract::MirrorSeal::sealed};
        BOOST_TEST((cable.send(frame_of(100)) == Sent::yes));
        BOOST_TEST((cable.send(frame_of(3000)) == Sent::yes)); // in pieces
        cable.a.ha.flush();
        BOOST_TEST(cable.arrived().empty());
        BOOST_TEST(cable.b.count(Counter::link_clear) == 2U);
        BOOST_TEST(cable.b.count(Counter::ha_port_received) == 0U);
    }
    // The other way round it is safe: whoever sealed it is the other node.
    Cable cable{wire::Family::ipv4, contract::MirrorSeal::sealed, contract::MirrorSeal::clear};
    BOOST_TEST((cable.send(frame_of(100)) == Sent::yes));
    cable.a.ha.flush();
    BOOST_TEST(cable.arrived().size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_was_changed_or_seen_is_counted_and_dropped) {
    Cable cable;
    for (const std::size_t at : {44UL, 50UL, 60UL, 80UL}) { // association, sequence, text, tag
        cable.send(frame_of(10));
        cable.a.ha.flush();
        auto packets = cable.drain();
        BOOST_REQUIRE(packets.size() == 1U);
        rte_mbuf* again = rte_pktmbuf_copy(packets[0], buffers(), 0, UINT32_MAX);
        rte_mbuf* twice = rte_pktmbuf_copy(packets[0], buffers(), 0, UINT32_MAX);
        *rte_pktmbuf_mtod_offset(packets[0], std::uint8_t*, at + 2) ^= 1U;
        BOOST_TEST(!cable.b.ha.take(packets[0], path::Instant{}));
        BOOST_TEST(cable.b.ha.take(again, path::Instant{}).has_value());
        BOOST_TEST(!cable.b.ha.take(twice, path::Instant{}));
    }
    BOOST_TEST(cable.b.count(Counter::link_association) == 1U);
    BOOST_TEST(cable.b.count(Counter::link_unauthentic) == 3U);
    BOOST_TEST(cable.b.count(Counter::link_replayed) == 4U);
    // Cut off behind the headers: what says that it is longer is no IP packet any more.
    cable.send(frame_of(10));
    cable.a.ha.flush();
    auto packets = cable.drain();
    const std::uint64_t kernel = cable.counters.get(Counter::kernel_out);
    rte_pktmbuf_trim(packets[0], 5);
    BOOST_TEST(!cable.b.ha.take(packets[0], path::Instant{}));
    BOOST_TEST(cable.counters.get(Counter::kernel_out) == kernel + 1);
}

BOOST_AUTO_TEST_CASE(a_full_port_drops_history_and_keeps_what_is_new) {
    Cable cable;
    std::size_t accepted = 0;
    // The port takes 1,023; as many wait as there is room for.
    for (std::size_t i = 0; i < 4000; ++i) {
        Bytes frame = frame_of(60);
        frame[0] = static_cast<std::uint8_t>(i);
        frame[1] = static_cast<std::uint8_t>(i >> 8U);
        accepted += cable.send(frame) == Sent::yes ? 1 : 0;
        if (i % 32 == 31)
            cable.a.ha.flush();
    }
    BOOST_TEST(accepted == ring + 1024U);
    BOOST_TEST(cable.a.count(Counter::mirror_resend_dropped) == 0U);
    BOOST_TEST(cable.a.ha.waiting());
    BOOST_TEST((cable.send(frame_of(99), Urgency::history) == Sent::failed));
    BOOST_TEST(cable.a.count(Counter::mirror_resend_dropped) == 1U);
    std::vector<Bytes> contents;
    while (contents.size() < accepted) {
        const auto some = cable.arrived();
        BOOST_REQUIRE(!some.empty());
        contents.insert(contents.end(), some.begin(), some.end());
        cable.a.ha.flush();
    }
    for (std::size_t i = 0; i < contents.size(); ++i)
        BOOST_TEST(contents[i][0] + 256 * contents[i][1] == static_cast<int>(i)); // all, in their order
    BOOST_TEST(!cable.a.ha.waiting());
    BOOST_TEST((cable.send(frame_of(99), Urgency::history) == Sent::yes));
    cable.a.ha.flush();
    BOOST_TEST(cable.arrived().size() == 1U);
}

BOOST_AUTO_TEST_CASE(history_that_waits_makes_room) {
    Cable cable;
    for (std::size_t i = 0; i < ring; ++i) {
        BOOST_TEST((cable.send(frame_of(60)) == Sent::yes));
        if (i % 32 == 31)
            cable.a.ha.flush();
    }
    cable.a.ha.flush();
    BOOST_TEST((cable.send(frame_of(61), Urgency::history) == Sent::yes)); // nobody knows yet that it is full
    BOOST_TEST((cable.send(frame_of(62)) == Sent::yes));
    BOOST_TEST((cable.send(frame_of(63), Urgency::history) == Sent::yes));
    cable.a.ha.flush();
    BOOST_TEST(cable.a.count(Counter::mirror_resend_dropped) == 2U);
    BOOST_TEST(cable.arrived().size() == ring);
    cable.a.ha.flush();
    const auto last = cable.arrived();
    BOOST_REQUIRE(last.size() == 1U);
    BOOST_TEST((last[0] == frame_of(62)));
}

BOOST_AUTO_TEST_CASE(what_the_kernel_has_overtakes_what_waits) {
    Cable cable;
    for (std::size_t i = 0; i < ring + 100; ++i) {
        cable.send(frame_of(60));
        if (i % 32 == 31)
            cable.a.ha.flush();
    }
    // A frame of the kernel, as a heartbeat is, while the port is full.
    const int kernel = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_ifindex = cable.tap.index();
    at.sll_halen = 6;
    Bytes beat(60, 0x77);
    beat[12] = 0x88;
    beat[13] = 0xb5; // IEEE 802 Std, local experimental
    BOOST_REQUIRE(::sendto(kernel, beat.data(), beat.size(), 0, reinterpret_cast<const sockaddr*>(&at),
                           sizeof at) == static_cast<ssize_t>(beat.size()));
    ::close(kernel);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
    while (cable.counters.get(Counter::kernel_in) == 0 && std::chrono::steady_clock::now() < deadline)
        cable.a.ha.flush();
    for (rte_mbuf* packet : cable.drain())
        rte_pktmbuf_free(packet);
    cable.a.ha.flush();
    const auto next = cable.drain();
    BOOST_REQUIRE(next.size() > 50U);
    std::size_t place = next.size();
    for (std::size_t i = next.size(); i-- > 0;)
        if (rte_pktmbuf_mtod(next[i], const std::uint8_t*)[12] == 0x88)
            place = i;
    // The kernel says more on a new interface than the beat; all of that stands in front of the mirror.
    for (std::size_t i = 0; i < place; ++i)
        BOOST_TEST(rte_pktmbuf_mtod(next[i], const std::uint8_t*)[23] != wire::protocol_udp);
    BOOST_TEST(place < next.size());
    for (rte_mbuf* packet : next)
        rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_CASE(a_lane_that_keeps_counts_what_finds_no_room) {
    Cable cable;
    constexpr std::size_t kept = 2 * dpdk::Port::burst_max;
    for (std::size_t i = 0; i < ring + kept + 5; ++i) {
        rte_mbuf* packet = rte_pktmbuf_alloc(buffers());
        BOOST_REQUIRE(packet != nullptr);
        rte_pktmbuf_append(packet, 60);
        cable.lane.send(packet);
    }
    BOOST_TEST(cable.counters.get(Counter::port_full) == 5U);
    BOOST_TEST(cable.status.queue[0].full.load() == 5U);
}

BOOST_AUTO_TEST_CASE(pieces_that_never_become_a_whole_are_bounded) {
    Cable cable;
    const unsigned before = rte_mempool_in_use_count(buffers());
    const Bytes text(2000, 1);
    Bytes packet(wire::udp_packet_size(wire::Family::ipv4, text.size()));
    wire::write_udp_packet(
        packet,
        {Cable::first(wire::Family::ipv4), Cable::second(wire::Family::ipv4), mirror_port, mirror_port},
        text);
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        packet[4] = static_cast<std::uint8_t>(i >> 8U); // identification
        packet[5] = static_cast<std::uint8_t>(i);
        packet[6] = 0;
        auto splitter = path::Splitter::begin(packet, 1500, 1);
        rte_mbuf* piece = rte_pktmbuf_alloc(buffers());
        BOOST_REQUIRE(piece != nullptr);
        auto* data = rte_pktmbuf_mtod(piece, std::uint8_t*);
        const std::size_t length = splitter->next({data + 14, 1500});
        rte_pktmbuf_append(piece, static_cast<std::uint16_t>(14 + length));
        wire::write_ethernet({data, 14}, port().mac(), port().mac(), wire::ether_type_ipv4);
        BOOST_TEST(!cable.b.ha.take(piece, path::Instant{}));
    }
    BOOST_TEST(rte_mempool_in_use_count(buffers()) <= before + 1100U);
    BOOST_TEST(cable.b.count(Counter::fragments_given_up) > 18'000U);
    // A whole one still gets through.
    cable.send(frame_of(5000));
    cable.a.ha.flush();
    BOOST_TEST(cable.arrived().size() == 1U);
}

BOOST_AUTO_TEST_CASE(new_keys_and_the_ones_before) {
    Cable cable;
    cable.send(frame_of(10));
    cable.a.ha.flush();
    auto old = cable.drain();
    for (Node* node : {&cable.a, &cable.b}) {
        contract::MirrorLink keys;
        node->page->mirror_links[0].read(keys);
        keys.previous = keys.current;
        keys.current.association = 78;
        std::swap(keys.current.transmit.key[0], keys.current.transmit.iv[0]);
        std::swap(keys.current.receive.key[0], keys.current.receive.iv[0]);
        node->page->mirror_links[0].write(keys);
        node->refresh();
    }
    cable.send(frame_of(20));
    cable.a.ha.flush();
    const auto contents = cable.arrived();
    BOOST_REQUIRE(contents.size() == 1U);
    BOOST_TEST((contents[0] == frame_of(20)));
    BOOST_TEST(cable.b.ha.take(old[0], path::Instant{}).has_value());
    // No keys: nothing is sent, and nothing sealed is believed.
    cable.a.page->mirror_links[0].write({});
    cable.a.refresh();
    BOOST_TEST((cable.send(frame_of(10)) == Sent::no_link));
}

BOOST_AUTO_TEST_CASE(a_neighbour_that_is_missing_is_asked_for) {
    Cable cable;
    BOOST_TEST(!cable.a.ha.next_ask(path::Instant{}));
    path::HopChange gone;
    gone.what = path::HopChange::What::neighbour_gone;
    gone.segment = path::ha_segment(0);
    gone.address = Cable::second(wire::Family::ipv4);
    cable.a.hops.apply(gone);
    cable.a.refresh();
    BOOST_TEST((cable.send(frame_of(10)) == Sent::no_link));
    const path::Instant now{std::chrono::seconds{1}};
    BOOST_TEST((cable.a.ha.next_ask(now) == gone.address));
    BOOST_TEST(!cable.a.ha.next_ask(now));
    BOOST_TEST((cable.a.ha.next_ask(now + std::chrono::seconds{1}) == gone.address));
}

BOOST_AUTO_TEST_SUITE_END()
