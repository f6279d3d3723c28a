// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/flows.hh"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

using namespace tandem;
using namespace tandem::state;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t capacity = 256;

struct Table {
    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };
    std::unique_ptr<std::byte, Free> memory{
        static_cast<std::byte*>(std::aligned_alloc(64, Flows::octets(capacity)))};
    Flows flows{{memory.get(), Flows::octets(capacity)}, capacity, 42};

    static FlowKey key(std::uint32_t n) {
        return {std::uint64_t{0x6409090a} << 32U | n, FlowKey::rest_of(0x881340 + (n << 24U), 17, 4)};
    }
    static FlowEnds ends(std::uint32_t n, FlowKind kind = FlowKind::other) {
        FlowEnds ends;
        ends.remote =
            wire::IpAddress::v4({static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8U), 0, 1});
        ends.local = wire::IpAddress::v4({10, 9, 9, 100});
        ends.remote_port = 7000;
        ends.local_port = 8000;
        ends.group = 3;
        ends.kind = kind;
        return ends;
    }
    bool send(std::uint32_t n, Instant now, FlowSide side = FlowSide::remote,
              FlowKind kind = FlowKind::other) {
        std::byte* line = flows.lines().line(flows.hash(key(n)));
        if (flows.see(key(n), line, side, 100, now.time_since_epoch().count()))
            return true;
        return flows.begin(key(n), ends(n, kind), side, 100, now) != Flows::none;
    }
    std::size_t readable() const {
        std::size_t count = 0;
        Flows::reader({memory.get(), Flows::octets(capacity)}, capacity).for_each([&](const Flow&) {
            ++count;
        });
        return count;
    }
    void sweep_all(Instant now) {
        for (std::size_t i = 0; i < capacity; ++i)
            flows.sweep(now);
    }
};

constexpr Instant start{1000s};

} // namespace

BOOST_AUTO_TEST_SUITE(flows)

BOOST_AUTO_TEST_CASE(both_directions_are_counted_and_read) {
    Table table;
    BOOST_TEST(table.send(1, start, FlowSide::remote, FlowKind::rtp));
    BOOST_TEST(table.send(1, start + 1s));
    BOOST_TEST(table.send(1, start + 2s, FlowSide::local));
    BOOST_TEST(table.flows.size() == 1);
    std::size_t seen = 0;
    Flows::reader({table.memory.get(), Flows::octets(capacity)}, capacity).for_each([&](const Flow& flow) {
        ++seen;
        BOOST_TEST(flow.packets[0] == 2);
        BOOST_TEST(flow.packets[1] == 1);
        BOOST_TEST(flow.octets[0] == 200);
        BOOST_TEST(flow.established);
        BOOST_TEST(flow.group == 3);
        BOOST_TEST((flow.kind == FlowKind::rtp));
        BOOST_TEST(flow.protocol == 17);
        BOOST_TEST((flow.remote == Table::ends(1).remote && flow.local == Table::ends(1).local));
        BOOST_TEST(flow.last_ns - flow.first_ns == 2'000'000'000);
    });
    BOOST_TEST(seen == 1);
}

BOOST_AUTO_TEST_CASE(the_line_that_is_fetched_ahead_is_the_flow) {
    Table table;
    std::size_t there = 0;
    for (std::uint32_t n = 0; n < 10; ++n) {
        table.send(n, start);
        const table::FlowLines lines = table.flows.lines();
        const std::byte* line = lines.line(Table::key(n).hash(lines.seed));
        BOOST_REQUIRE(line >= table.memory.get());
        BOOST_REQUIRE(line + 64 <= table.memory.get() + Flows::octets(capacity));
        FlowKey key;
        std::memcpy(&key, line, sizeof key);
        there += key == Table::key(n) ? 1 : 0;
    }
    BOOST_TEST(there >= 8U, "but for the few that found their first place taken");
}

BOOST_AUTO_TEST_CASE(many_are_told_apart) {
    Table table;
    for (std::uint32_t round = 0; round < 3; ++round)
        for (std::uint32_t n = 0; n < 100; ++n)
            BOOST_TEST(table.send(n, start));
    BOOST_TEST(table.flows.size() == 100);
    BOOST_TEST(table.readable() == 100);
    BOOST_TEST(table.flows.counts().begun == 100);
}

BOOST_AUTO_TEST_CASE(a_flood_evicts_what_nobody_answered_and_leaves_the_rest) {
    Table table;
    for (std::uint32_t n = 0; n < 40; ++n) {
        table.send(n, start);
        table.send(n, start, FlowSide::local);
    }
    for (std::uint32_t n = 1000; n < 21'000; ++n)
        table.send(n, start + 1s);
    BOOST_TEST(table.flows.size() <= capacity);
    BOOST_TEST(table.flows.counts().evicted > 19'000);
    std::size_t established = 0;
    Flows::reader({table.memory.get(), Flows::octets(capacity)}, capacity).for_each([&](const Flow& flow) {
        established += flow.established ? 1 : 0;
    });
    BOOST_TEST(established == 40);
}

BOOST_AUTO_TEST_CASE(the_oldest_goes_first) {
    Table table;
    for (std::uint32_t n = 0; n < 4000; ++n)
        table.send(n, start + std::chrono::milliseconds{n});
    std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
    Flows::reader({table.memory.get(), Flows::octets(capacity)}, capacity).for_each([&](const Flow& flow) {
        oldest = std::min(oldest, flow.last_ns);
    });
    // Of 4,000, the last 256 or so are left; sets fill unevenly.
    BOOST_TEST(oldest > (start + 3000ms).time_since_epoch().count());
}

BOOST_AUTO_TEST_CASE(where_all_are_established_a_new_one_is_refused) {
    Table table;
    for (std::uint32_t n = 0; n < 4000; ++n) {
        table.send(n, start);
        table.send(n, start, FlowSide::local);
    }
    BOOST_TEST(table.flows.counts().refused > 0);
    BOOST_TEST(table.flows.counts().evicted < 4000);
    BOOST_TEST(table.flows.size() <= capacity);
}

BOOST_AUTO_TEST_CASE(silence_ends_a_flow) {
    Table table;
    table.send(1, start);
    table.send(2, start, FlowSide::remote, FlowKind::rtp);
    table.send(2, start, FlowSide::local);
    table.sweep_all(start + 29s);
    BOOST_TEST(table.flows.size() == 2);
    table.sweep_all(start + 31s);
    BOOST_TEST(table.flows.size() == 1);
    table.sweep_all(start + 61s);
    BOOST_TEST(table.flows.size() == 0);
    BOOST_TEST(table.flows.counts().expired == 2);
    BOOST_TEST(table.readable() == 0);
}

BOOST_AUTO_TEST_CASE(rtp_is_guessed) {
    const std::array<std::uint8_t, 12> packet{0x80};
    BOOST_TEST(may_be_rtp(packet, 8000));
    BOOST_TEST(!may_be_rtp(packet, 8001));
    BOOST_TEST(!may_be_rtp(std::span(packet).first(11), 8000));
    const std::array<std::uint8_t, 12> text{'I'};
    BOOST_TEST(!may_be_rtp(text, 8000));
}

BOOST_AUTO_TEST_SUITE_END()
