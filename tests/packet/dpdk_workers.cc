// SPDX-License-Identifier: GPL-3.0-or-later
// The DPDK engine with several workers: whose a packet is, what they share, and what one of them may not
// spoil.
#include "control/app/engine_watch.hh"
#include "dataplane/contract/table_file.hh"
#include "dataplane/path/fragments.hh"
#include "dataplane/state/shared_flows.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/udp.hh"
#include "tests/packet/appliance.hh"
#include "tests/packet/cases.hh"
#include "tests/packet/namespaces.hh"

#include <boost/test/unit_test.hpp>

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

namespace {

using namespace packet_suite;
using namespace tandem;
using contract::Counter;
using path::Stance;

const wire::IpAddress vip_address = address(vip);
const wire::IpAddress phone_address = address(phone);
constexpr std::uint16_t media_port = 30'000;

struct Datagram {
    wire::IpAddress source;
    wire::IpAddress destination;
    std::uint16_t source_port{0};
    std::uint16_t destination_port{0};
    std::string text;
};

std::optional<Datagram> datagram_in(const Bytes& frame) {
    const Bytes packet = ip_in(frame);
    const auto ip = wire::parse_ip(packet);
    if (!ip || ip->protocol != wire::protocol_udp || ip->fragment != wire::Fragment::whole)
        return std::nullopt;
    const auto udp = wire::parse_udp(ip->payload);
    if (!udp)
        return std::nullopt;
    return Datagram{ip->source, ip->destination, udp->source_port, udp->destination_port,
                    std::string(udp->payload.begin(), udp->payload.end())};
}

/// RTP streams between phones and the server, each packet with its number; SIP among them.
class Streams {
public:
    static constexpr std::size_t count = 48;
    static constexpr std::size_t at_once = 2; ///< packets of each stream and direction on their way

    Streams(Appliance& appliance, const wire::IpAddress& server)
        : appliance_(appliance)
        , server_(server) {}

    /// Sends so many packets of each stream in both directions, and takes them on the other side.
    void run(std::size_t packets) {
        for (std::size_t begin = 0; begin < packets; begin += at_once) {
            for (std::size_t i = begin; i < begin + at_once; ++i)
                for (std::size_t stream = 0; stream < count; ++stream)
                    send(stream, i);
            sent_ += at_once;
            BOOST_REQUIRE(eventually([&] {
                take(Wire::inside, there_);
                take(Wire::outside, back_);
                return arrived(there_) == sent_ * count && arrived(back_) == sent_ * count;
            }));
        }
    }
    bool in_order() const { return in_order_; }

private:
    using Arrived = std::map<std::uint16_t, std::size_t>; ///< by the phone's port
    static std::uint16_t port_of(std::size_t stream) {
        return static_cast<std::uint16_t>(40'000 + 2 * stream);
    }
    void send(std::size_t stream, std::size_t number) {
        const std::string text = "media " + std::to_string(number);
        appliance_.send(Wire::outside,
                        udp_packet(phone_address, port_of(stream), vip_address, media_port, text));
        appliance_.send(Wire::inside, udp_packet(server_, media_port, phone_address, port_of(stream), text));
    }
    void take(Wire wire, Arrived& arrived) {
        appliance_.is_there(wire, [&](const Bytes& frame) {
            const auto datagram = datagram_in(frame);
            if (!datagram || !datagram->text.starts_with("media "))
                return false;
            const bool inside = wire == Wire::inside;
            std::size_t& next = arrived[inside ? datagram->source_port : datagram->destination_port];
            in_order_ = in_order_ && datagram->text == "media " + std::to_string(next) &&
                        (inside ? datagram->destination == server_ : datagram->source == vip_address);
            ++next;
            return false;
        });
    }
    static std::size_t arrived(const Arrived& streams) {
        std::size_t sum = 0;
        for (const auto& [port, packets] : streams)
            sum += packets;
        return sum;
    }

    Appliance& appliance_;
    wire::IpAddress server_; ///< as it speaks on the inside network
    Arrived there_;
    Arrived back_;
    std::size_t sent_{0};
    bool in_order_{true};
};

/// What the tables of all workers say of streams.
struct Known {
    std::size_t flows{0};
    std::size_t both_ways{0};
    std::uint64_t packets{0};
    std::map<std::uint16_t, std::set<std::uint16_t>> workers; ///< that have a stream, by the phone's port
};
Known known_streams(const Appliance& appliance) {
    Known known;
    const auto parts =
        contract::TableReader::open_all(appliance.run_dir(), contract::TableKind::flows, sizeof(state::Flow));
    BOOST_REQUIRE(parts.has_value());
    for (const contract::TableReader& part : *parts)
        state::Flows::reader(part.records(), part.header().records).for_each([&](const state::Flow& flow) {
            if (flow.local_port != media_port)
                return;
            ++known.flows;
            known.both_ways += flow.packets[0] > 0 && flow.packets[1] > 0 ? 1U : 0U;
            known.packets += flow.packets[0] + flow.packets[1];
            known.workers[flow.remote_port].insert(part.header().part.number);
        });
    return known;
}

/// A thread of the engine, by its name.
pid_t thread_of(pid_t process, std::string_view name) {
    const std::string tasks = "/proc/" + std::to_string(process) + "/task";
    for (const auto& entry : std::filesystem::directory_iterator(tasks)) {
        std::ifstream file{entry.path() / "comm"};
        std::string found;
        if (std::getline(file, found) && found == name)
            return std::stoi(entry.path().filename());
    }
    BOOST_FAIL("the engine has no thread " << name);
    return -1;
}

/// One thread stands still, the others go on.
class Standstill {
public:
    explicit Standstill(pid_t thread)
        : thread_(thread) {
        BOOST_REQUIRE(::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0);
        BOOST_REQUIRE(::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0);
        BOOST_REQUIRE(::waitpid(thread, nullptr, __WALL) == thread);
    }
    ~Standstill() { ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }
    Standstill(const Standstill&) = delete;
    Standstill& operator=(const Standstill&) = delete;

private:
    pid_t thread_;
};

app::EngineSigns signs_of(contract::Page& page) {
    return {.beats = contract::beats_of(page),
            .workers = page.engine.workers,
            .pid = page.engine.pid,
            .attached = page.engine.attached == 1,
            .process_exists = true};
}

/// What the brain would find within the time.
bool comes_to(contract::Page& page, app::EngineState wanted) {
    app::EngineWatch watch;
    return eventually(
        [&] { return watch.look(ha::Instant{std::chrono::nanoseconds{now_ns()}}, signs_of(page)) == wanted; },
        std::chrono::seconds{3});
}

std::uint64_t sum_of(contract::PortStatus& port, std::atomic<std::uint64_t> contract::QueueStatus::*field) {
    std::uint64_t sum = 0;
    for (const contract::QueueStatus& queue : port.queue)
        sum += (queue.*field).load();
    return sum;
}

} // namespace

BOOST_AUTO_TEST_SUITE(dpdk_workers)

BOOST_AUTO_TEST_CASE(every_packet_of_every_flow_arrives_in_order) {
    using enum contract::Forwarding;
    // Ports without a queue for each worker, with one, and a mixture.
    for (const ApplianceSetup& setup :
         {ApplianceSetup{.forwarding = transparent, .workers = 2},
          ApplianceSetup{.forwarding = nat, .workers = 2, .outside_queues = 2, .inside_queues = 2},
          ApplianceSetup{.forwarding = transparent, .workers = 4, .outside_queues = 2, .inside_queues = 3},
          ApplianceSetup{.forwarding = nat, .idle = contract::Idle::poll, .workers = 3}}) {
        BOOST_TEST_CONTEXT("workers " << int{setup.workers} << ", queues " << setup.outside_queues << " and "
                                      << setup.inside_queues) {
            Appliance appliance{setup};
            contract::Page& page = appliance.page();
            const std::uint64_t media = appliance.count(Counter::not_sip);
            Streams streams{appliance, setup.forwarding == nat ? address(Appliance::server) : vip_address};
            constexpr std::size_t rounds = 40;
            streams.run(rounds);
            BOOST_TEST(streams.in_order());
            constexpr std::uint64_t all = rounds * Streams::count;
            // Everything was counted once, and each worker had its part.
            BOOST_TEST(appliance.count(Counter::not_sip) - media == all);
            BOOST_TEST(appliance.count(Counter::inside_forwarded) == all);
            BOOST_TEST(page.counters.get(Counter::not_sip) > 0U);
            for (std::size_t i = 0; i + 1 < setup.workers; ++i)
                BOOST_TEST(page.workers[i].counters.get(Counter::not_sip) > 0U);
            BOOST_TEST(page.arrived(0) >= all);
            for (const Counter lost : {Counter::worker_full, Counter::port_full, Counter::no_buffer})
                BOOST_TEST(appliance.count(lost) == 0U);
            // One worker has both directions of a stream, and they are one flow, translated or not.
            const Known known = known_streams(appliance);
            BOOST_TEST(known.flows == Streams::count);
            BOOST_TEST(known.both_ways == Streams::count);
            BOOST_TEST(known.packets == 2 * all);
            BOOST_TEST(known.workers.size() == Streams::count);
            for (const auto& [port, workers] : known.workers)
                BOOST_TEST(workers.size() == 1U);
            // The ports' own counts, queue by queue.
            for (contract::PortStatus* port : {&page.ports[0], &page.ports[1]}) {
                BOOST_TEST(eventually([&] {
                    return port->received >= all && port->sent >= all &&
                           sum_of(*port, &contract::QueueStatus::received) == port->received &&
                           sum_of(*port, &contract::QueueStatus::sent) == port->sent;
                }));
                BOOST_TEST(sum_of(*port, &contract::QueueStatus::handed) > 0U);
                BOOST_TEST(sum_of(*port, &contract::QueueStatus::handed) < port->received);
            }
            BOOST_TEST(appliance.terminate() == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(sip_is_mirrored_in_one_sequence_whoever_receives_it) {
    Appliance appliance{{.workers = 3, .outside_queues = 3, .inside_queues = 2}};
    constexpr std::size_t count = 60;
    const std::string message = request("REGISTER");
    for (std::size_t i = 0; i < count; ++i) // from many ports: the kernel spreads them over the queues
        appliance.send(Wire::outside, udp_packet(phone_address, static_cast<std::uint16_t>(20'000 + i),
                                                 vip_address, 5060, message));
    std::size_t there = 0;
    BOOST_TEST(eventually([&] {
        appliance.is_there(Wire::inside, [&](const Bytes& frame) {
            const auto datagram = datagram_in(frame);
            there += datagram && datagram->text == message ? 1U : 0U;
            return false;
        });
        appliance.peer().poll();
        return there == count && appliance.peer().mirrored.size() == count;
    }));
    BOOST_TEST(appliance.page().mirror.sent == count);
    BOOST_TEST(appliance.peer().replayed == 0U);
    // By the first worker, all of it.
    BOOST_TEST(appliance.page().counters.get(Counter::sip_forwarded) == count);
}

BOOST_AUTO_TEST_CASE(a_fragmented_invite_is_one_message) {
    Appliance appliance{{.workers = 2, .outside_queues = 2, .inside_queues = 2}};
    for (const std::string_view to : {vip, vip6}) {
        appliance.peer().mirrored.clear();
        const Bytes whole = packet_of(request("INVITE", 3'000), to, 5060);
        for (const Bytes& piece : pieces_backwards(whole))
            appliance.send(Wire::outside, piece);
        path::Fragments fragments{1};
        std::uint32_t count = 0;
        BOOST_TEST(appliance
                       .receive(Wire::inside,
                                [&](const Bytes& frame) {
                                    const Bytes packet = ip_in(frame);
                                    const auto ip = wire::parse_ip(packet);
                                    return ip && ip->fragment != wire::Fragment::whole &&
                                           fragments.take(path::Instant{}, *ip, count++) ==
                                               path::Fragmented::whole;
                                })
                       .has_value());
        BOOST_TEST(eventually([&] {
            appliance.peer().poll();
            return appliance.peer().mirrored.size() == 1;
        }));
        const auto mirrored = wire::parse_ip(appliance.peer().mirrored.front());
        const auto sent = wire::parse_ip(whole);
        BOOST_REQUIRE(mirrored.has_value());
        BOOST_TEST(Bytes(mirrored->payload.begin(), mirrored->payload.end()) ==
                       Bytes(sent->payload.begin(), sent->payload.end()),
                   boost::test_tools::per_element());
    }
    BOOST_TEST(appliance.count(Counter::fragments_given_up) == 0U);
}

BOOST_AUTO_TEST_CASE(no_worker_forwards_without_a_grant) {
    Appliance appliance{{.workers = 3, .outside_queues = 3, .inside_queues = 3}};
    constexpr std::uint16_t flows = 48;
    const auto send_all = [&](std::string_view text) {
        for (std::uint16_t i = 0; i < flows; ++i) {
            const auto port = static_cast<std::uint16_t>(40'000 + i);
            appliance.send(Wire::outside, udp_packet(phone_address, port, vip_address, media_port, text));
            appliance.send(Wire::inside, udp_packet(vip_address, media_port, phone_address, port, text));
        }
    };
    const auto seen = [&](std::string_view text) {
        std::size_t count = 0;
        for (const Wire wire : {Wire::outside, Wire::inside})
            appliance.is_there(wire, [&](const Bytes& frame) {
                const auto datagram = datagram_in(frame);
                count += datagram && datagram->text == text ? 1U : 0U;
                return false;
            });
        return count;
    };
    std::size_t passed = 0;
    send_all("granted");
    BOOST_TEST(eventually([&] { return (passed += seen("granted")) == 2U * flows; }));
    // Lapsed: kept back, and dropped when the grant does not come back.
    set_stance(appliance.page(), Stance::lapsed, now_ns());
    appliance.settle();
    send_all("lapsed");
    BOOST_TEST(eventually([&] { return appliance.count(Counter::held) == 2U * flows; }));
    BOOST_TEST(eventually([&] { return appliance.count(Counter::held_dropped) == 2U * flows; }));
    BOOST_TEST(seen("lapsed") == 0U);
    // It comes back in time.
    send_all("renewed");
    BOOST_TEST(eventually([&] { return appliance.count(Counter::held) == 4U * flows; }));
    set_stance(appliance.page(), Stance::active, now_ns());
    passed = 0;
    BOOST_TEST(eventually([&] { return (passed += seen("renewed")) == 2U * flows; }));
    // Standby: nothing passes, in either direction, and all of it is counted.
    set_stance(appliance.page(), Stance::standby, now_ns());
    appliance.settle();
    send_all("standby");
    BOOST_TEST(eventually([&] { return appliance.count(Counter::inside_held_back) == flows; }));
    BOOST_TEST(eventually([&] { return appliance.count(Counter::drop_standby) == flows; }));
    BOOST_TEST(seen("standby") == 0U);
}

BOOST_AUTO_TEST_CASE(a_worker_that_sleeps_is_woken) {
    Appliance appliance{{.workers = 2}};
    // A flow of the second worker, which receives nothing by itself: the ports have one queue.
    contract::Counters& second = appliance.page().workers[0].counters;
    std::uint16_t port = 40'000;
    const auto ping = [&] {
        appliance.send(Wire::outside, udp_packet(phone_address, port, vip_address, media_port, "ping"));
        const std::int64_t begin = now_ns();
        while (!appliance.is_there(Wire::inside, [](const Bytes& frame) {
            const auto datagram = datagram_in(frame);
            return datagram && datagram->text == "ping";
        }))
            BOOST_REQUIRE(now_ns() - begin < 5'000'000'000);
        return now_ns() - begin;
    };
    while (second.get(Counter::not_sip) == 0) {
        BOOST_REQUIRE(port < 41'000);
        ++port;
        ping();
    }
    std::vector<std::int64_t> times;
    for (int i = 0; i < 101; ++i) {
        const std::uint64_t turns = appliance.page().workers[0].beats;
        BOOST_REQUIRE(eventually([&] { return appliance.page().workers[0].beats > turns; })); // asleep again
        times.push_back(ping());
    }
    std::ranges::sort(times);
    BOOST_TEST(second.get(Counter::not_sip) > 100U);
    // Asleep it looks every 10 ms.
    BOOST_TEST(times[times.size() / 2] < 2'500'000);
}

BOOST_AUTO_TEST_CASE(one_worker_that_hangs_is_noticed) {
    Appliance appliance{{.workers = 3}};
    contract::Page& page = appliance.page();
    BOOST_TEST(comes_to(page, app::EngineState::running));
    for (const char* name : {"worker0", "worker1", "worker2"}) {
        BOOST_TEST_CONTEXT(name) {
            {
                const Standstill standstill{thread_of(appliance.engine(), name)};
                BOOST_TEST(comes_to(page, app::EngineState::stalled));
            }
            BOOST_TEST(comes_to(page, app::EngineState::running));
            appliance.settle();
        }
    }
    // What waits for a worker that hangs is bounded, and the others go on.
    const Standstill standstill{thread_of(appliance.engine(), "worker2")};
    for (std::uint16_t i = 0; i < 40'000 && appliance.count(Counter::worker_full) < 100; ++i) {
        const auto port = static_cast<std::uint16_t>(20'000 + i % 64);
        appliance.send(Wire::outside, udp_packet(phone_address, port, vip_address, media_port, "flood"));
        if (i % 64 == 0)
            appliance.forget();
    }
    BOOST_TEST(eventually([&] { return appliance.count(Counter::worker_full) >= 100; }));
    BOOST_TEST(eventually([&] {
        return sum_of(page.ports[0], &contract::QueueStatus::handed_full) ==
               appliance.count(Counter::worker_full);
    }));
    const std::string message = request("OPTIONS");
    appliance.send(Wire::outside, packet_of(message, vip, 5060));
    BOOST_TEST(appliance
                   .receive(Wire::inside,
                            [&](const Bytes& frame) {
                                const auto datagram = datagram_in(frame);
                                return datagram && datagram->text == message;
                            })
                   .has_value());
    BOOST_TEST(appliance.count(Counter::no_buffer) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
