// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/engine.hh"

#include "dataplane/io/dpdk/eal.hh"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tandem::dpdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds report_interval{100};
constexpr milliseconds link_interval{2};
constexpr milliseconds servers_interval{1000};
constexpr std::size_t room_min = 2048; ///< of a buffer, beside the headroom
constexpr std::size_t room_max = 32'768;
constexpr std::size_t frame_overhead = 64;
/// Of an HA port: heartbeats must not stand behind a long queue of the mirror.
constexpr std::uint16_t ha_descriptors = 128;

std::uint64_t random_number() {
    std::uint64_t value = 0;
    while (value == 0)
        if (::getrandom(&value, sizeof(value), 0) != sizeof(value))
            value = static_cast<std::uint64_t>(steady_clock::now().time_since_epoch().count());
    return value;
}

/// Room of a buffer. A device on a kernel interface writes as much as its frame size says, whatever the MTU.
std::expected<std::uint16_t, std::string> room_for(const contract::Appliance& setup) {
    std::size_t room = room_min;
    const auto fit = [&](const contract::PortSetup& port) {
        room = std::max({room, std::size_t{port.mtu} + frame_overhead, device_frame(port)});
    };
    fit(setup.outside);
    fit(setup.inside);
    std::ranges::for_each(setup.ha, fit);
    if (room > room_max)
        return std::unexpected("no packet buffer holds " + std::to_string(room) +
                               " octets: an MTU or a framesz is above " + std::to_string(room_max));
    return static_cast<std::uint16_t>(RTE_PKTMBUF_HEADROOM + room);
}

bool is_present(const contract::PortSetup& port) {
    return port.device[0] != '\0';
}

bool same(const contract::Appliance& a, const contract::Appliance& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

void pin(std::int16_t core) {
    if (core < 0 || core >= CPU_SETSIZE)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(core), &set);
    ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

} // namespace

std::expected<std::unique_ptr<Engine>, std::string> Engine::open(contract::Page& page,
                                                                 const std::string& run_dir) {
    contract::Appliance setup;
    if (!page.appliance.read(setup) || setup.backend != contract::Backend::dpdk)
        return std::unexpected("the configuration names no ports");
    if (!is_present(setup.outside) || !is_present(setup.inside))
        return std::unexpected("an appliance needs an outside and an inside port");
    if (const auto started = start_eal(setup); !started)
        return std::unexpected(started.error());
    const auto room = room_for(setup);
    if (!room)
        return std::unexpected(room.error());
    std::unique_ptr<Engine> engine{new Engine(page, setup)};
    engine->pool_ = ::rte_pktmbuf_pool_create("packets", setup.mbufs, 256, 0, *room, SOCKET_ID_ANY);
    if (engine->pool_ == nullptr)
        return std::unexpected("there is not enough memory for " + std::to_string(setup.mbufs) +
                               " packet buffers: " + ::rte_strerror(rte_errno));
    if (const auto opened = engine->open_networks(run_dir); !opened)
        return std::unexpected(opened.error());
    return engine;
}

Engine::Engine(contract::Page& page, const contract::Appliance& setup)
    : page_(page)
    , setup_(setup)
    , changes_(std::make_unique<HopChanges>())
    , asks_(std::make_unique<HopAsks>()) {}

Engine::~Engine() {
    end();
    worker_.reset();
    lanes_.clear();
    for (contract::PortStatus& status : page_.ports)
        status.present = 0;
}

std::expected<void, std::string> Engine::add_network(const contract::PortSetup& setup, std::size_t place) {
    const std::string interface = device_interface(setup);
    if (!interface.empty())
        if (const auto done = quiet_.add(interface); !done)
            return done;
    const bool is_ha = place >= path::segment_count;
    auto port = Port::open(setup, pool_, 1, setup_.idle, is_ha ? ha_descriptors : Port::descriptors_wanted);
    if (!port)
        return std::unexpected(port.error());
    auto tap = Tap::open(text_of(setup.kernel_interface), port->mac(), setup.mtu);
    if (!tap)
        return std::unexpected(tap.error());
    networks_.push_back(
        std::make_unique<Network>(Network{std::move(*port), std::move(*tap), &page_.ports[place], true}));
    Network& network = *networks_.back();
    lanes_.push_back(std::make_unique<Lane>(network.port, network.tap, page_.counters, pool_, 0,
                                            is_ha ? WhenFull::keep : WhenFull::drop));
    interfaces_[place] = network.tap.index();
    return {};
}

std::expected<void, std::string> Engine::open_networks(const std::string& run_dir) {
    if (const auto done = add_network(setup_.outside, 0); !done)
        return done;
    if (const auto done = add_network(setup_.inside, 1); !done)
        return done;
    for (std::size_t i = 0; i < setup_.ha.size(); ++i)
        if (is_present(setup_.ha[i]))
            if (const auto done = add_network(setup_.ha[i], 2 + i); !done)
                return done;
    auto tables = KernelTables::open({interfaces_.begin(), interfaces_.end()},
                                     [this](const path::HopChange& change) { say(change); });
    if (!tables)
        return std::unexpected(tables.error());
    tables_ = std::move(*tables);
    std::vector<Lane*> lanes;
    for (const auto& lane : lanes_)
        lanes.push_back(lane.get());
    worker_ = std::make_unique<Worker>(WorkerParts{page_, pool_, lanes, *changes_, *asks_, bell_, run_dir},
                                       setup_, path::PathSeeds{random_number(), random_number()});
    return {};
}

void Engine::begin() {
    watch_links();
    tables_->repeat();
    thread_ = std::thread([this] {
        pin(setup_.core);
        ::rte_thread_register(); // its buffers come from a cache of its own
        worker_->run();
        ::rte_thread_unregister();
    });
}

void Engine::end() {
    if (!thread_.joinable())
        return;
    worker_->stop();
    thread_.join();
}

void Engine::say(const path::HopChange& change) {
    if (!changes_->push(change))
        overflowed_ = true;
}

/// The kernel interface shows the port's link.
void Engine::watch_links() {
    for (const auto& network : networks_) {
        const bool link = network->port.link();
        if (link != network->link || network->status->link_since_ns.load() == 0)
            network->tap.set_carrier(link ? Carrier::on : Carrier::off);
        if (link != network->link)
            network->port.report(*network->status, steady_clock::now().time_since_epoch().count());
        network->link = link;
    }
}

void Engine::answer_asks() {
    HopAsk ask;
    while (asks_->pop(ask))
        tables_->look_for(ask.segment, ask.address);
}

/// The servers are asked for again and again, so that their MAC addresses are there when they are needed.
void Engine::refresh_servers() {
    contract::Policy policy;
    if (!page_.policy.read(policy))
        return;
    for (std::size_t i = 0; i < std::min<std::size_t>(policy.vip_count, policy.vips.size()); ++i) {
        const contract::Vip& vip = policy.vips[i];
        tables_->look_for(path::Segment::inside,
                          vip.server.family == wire::Family::none ? vip.address : vip.server);
    }
}

void Engine::report() {
    const std::int64_t now_ns = steady_clock::now().time_since_epoch().count();
    for (const auto& network : networks_)
        network->port.report(*network->status, now_ns);
}

bool Engine::attend() {
    std::array<pollfd, 2> sources{{{tables_->descriptor(), POLLIN, 0}, {bell_.descriptor(), POLLIN, 0}}};
    // The kernel tells of the links of its interfaces, a device of its own is asked.
    const bool told = std::ranges::all_of(networks_, [](const auto& n) { return n->port.link_is_told(); });
    ::poll(sources.data(), sources.size(),
           static_cast<int>((told ? report_interval : link_interval).count()));
    bell_.quiet();
    tables_->follow();
    if (overflowed_) {
        overflowed_ = false;
        tables_->repeat();
    }
    answer_asks();
    watch_links();
    const auto now = steady_clock::now();
    if (now >= servers_at_) {
        servers_at_ = now + servers_interval;
        refresh_servers();
    }
    if (now >= report_at_) {
        report_at_ = now + report_interval;
        report();
        contract::Appliance wanted;
        if (page_.appliance.read(wanted) && !same(wanted, setup_))
            return false;
    }
    return true;
}

std::string Engine::describe() const {
    return "outside " + networks_[0]->port.name() + ", inside " + networks_[1]->port.name();
}

} // namespace tandem::dpdk
