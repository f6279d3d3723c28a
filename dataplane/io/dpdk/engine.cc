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
#include <iterator>

namespace tandem::dpdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds report_interval{100};
constexpr milliseconds link_interval{2};
constexpr milliseconds servers_interval{1000};
constexpr int worker_priority = 10;    ///< below the pulse thread of the brain
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

void pin(std::int16_t core) {
    if (core < 0 || core >= CPU_SETSIZE)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(core), &set);
    ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

void raise_priority() {
    sched_param priority{};
    priority.sched_priority = worker_priority;
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority); // better, but not needed
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
    if (const auto opened = engine->open_networks(); !opened)
        return std::unexpected(opened.error());
    if (const auto made = engine->make_workers(run_dir); !made)
        return std::unexpected(made.error());
    return engine;
}

Engine::Engine(contract::Page& page, const contract::Appliance& setup)
    : page_(page)
    , setup_(setup)
    , workers_(std::clamp<std::size_t>(setup.workers, 1, contract::workers_max))
    , asks_(std::make_unique<HopAsks>()) {
    for (std::size_t i = 0; i < workers_; ++i)
        changes_.push_back(std::make_unique<HopChanges>());
}

Engine::~Engine() {
    end();
    worker_.reset();
    spreader_.reset();
    media_.clear();
    exchange_.reset();
    lanes_.clear();
    for (contract::PortStatus& status : page_.ports)
        status.present = 0;
}

std::expected<void, std::string> Engine::add_network(const contract::PortSetup& setup, std::size_t place) {
    const std::string interface = device_interface(setup);
    if (!interface.empty())
        if (const auto done = quiet_.add(interface); !done)
            return done;
    // SIP and the mirror are the first worker's, and so is what arrives on an HA port.
    const bool is_ha = place >= static_cast<std::size_t>(contract::PortPlace::ha);
    auto port = Port::open(setup, pool_, is_ha ? std::uint16_t{1} : static_cast<std::uint16_t>(workers_),
                           setup_.idle, is_ha ? ha_descriptors : Port::descriptors_wanted);
    if (!port)
        return std::unexpected(port.error());
    auto tap = Tap::open(text_of(setup.kernel_interface), port->mac(), setup.mtu);
    if (!tap)
        return std::unexpected(tap.error());
    networks_.push_back(
        std::make_unique<Network>(Network{std::move(*port), std::move(*tap), &page_.ports[place], true}));
    interfaces_[place] = networks_.back()->tap.index();
    return is_ha ? std::expected<void, std::string>{} : share_queues(*networks_.back());
}

/// Where there are more workers than queues to send on.
std::expected<void, std::string> Engine::share_queues(Network& network) {
    const std::uint16_t queues = network.port.transmit_queues();
    for (std::uint16_t queue = 0; queue < queues && queues < workers_; ++queue) {
        auto shared = SharedQueue::make(network.port, queue, workers_, network.status->queue[queue]);
        if (!shared)
            return std::unexpected(shared.error());
        network.shared.push_back(std::move(*shared));
    }
    return {};
}

std::expected<void, std::string> Engine::open_networks() {
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
    return {};
}

Lane& Engine::add_lane(Network& network, std::size_t worker, WhenFull when_full) {
    lanes_.push_back(
        std::make_unique<Lane>(LaneParts{network.port, network.tap, *network.status, pool_, network.shared},
                               counters_of(worker), static_cast<std::uint16_t>(worker), when_full));
    return *lanes_.back();
}

contract::Counters& Engine::counters_of(std::size_t worker) {
    return worker == 0 ? page_.counters : page_.workers[worker - 1].counters;
}

/// The ports spread where both of them do it, alike, over all workers, and the same tags are in front.
path::Spreading Engine::spreading() const {
    const Port& outside = networks_[0]->port;
    const Port& inside = networks_[1]->port;
    const bool alike = outside.rss().has_value() && outside.rss() == inside.rss() &&
                       outside.rss()->queues == workers_ &&
                       setup_.outside.tag_count == setup_.inside.tag_count;
    return alike ? path::Spreading::by_ports : path::Spreading::by_hash;
}

std::unique_ptr<Spreader> Engine::make_spreader(std::size_t worker, const path::Owners& owners, Lane& outside,
                                                Lane& inside) {
    return std::make_unique<Spreader>(*exchange_, worker, owners, counters_of(worker),
                                      Spreader::Queues{&outside.status(), &inside.status()});
}

std::expected<void, std::string> Engine::make_workers(const std::string& run_dir) {
    std::vector<Lane*> lanes;
    for (const auto& network : networks_) // heartbeats wait for room in an HA port
        lanes.push_back(
            &add_lane(*network, 0, lanes.size() < path::segment_count ? WhenFull::drop : WhenFull::keep));
    const path::Owners owners{workers_, random_number(), spreading()};
    if (workers_ > 1) {
        auto exchange = Exchange::make(workers_);
        if (!exchange)
            return std::unexpected(exchange.error());
        exchange_ = std::move(*exchange);
        spreader_ = make_spreader(0, owners, *lanes[0], *lanes[1]);
    }
    worker_ = std::make_unique<Worker>(
        WorkerParts{page_, pool_, lanes, *changes_[0], *asks_, bell_, run_dir, spreader_.get()}, setup_,
        path::PathSeeds{random_number(), random_number()});
    for (std::size_t i = 1; i < workers_; ++i) {
        Lane& outside = add_lane(*networks_[0], i);
        Lane& inside = add_lane(*networks_[1], i);
        auto spreader = make_spreader(i, owners, outside, inside);
        auto worker = std::make_unique<MediaWorker>(
            MediaWorkerParts{page_, page_.workers[i - 1], outside, inside, *changes_[i], *spreader, run_dir},
            setup_, random_number());
        media_.push_back({std::move(spreader), std::move(worker)});
    }
    return {};
}

template <class Run>
void Engine::start(std::size_t worker, Run run) {
    threads_.emplace_back([this, worker, run] {
        pin(setup_.cores[worker]);
        if (setup_.idle != contract::Idle::poll) // one that never sleeps would lock out all others
            raise_priority();
        ::pthread_setname_np(::pthread_self(), ("worker" + std::to_string(worker)).c_str());
        ::rte_thread_register(); // its buffers come from a cache of its own
        run();
        ::rte_thread_unregister();
    });
}

void Engine::begin() {
    watch_links();
    tables_->repeat();
    page_.engine.workers = static_cast<std::uint32_t>(workers_);
    for (std::size_t i = 0; i < media_.size(); ++i)
        start(i + 1, [worker = media_[i].worker.get()] { worker->run(); });
    start(0, [worker = worker_.get()] { worker->run(); });
}

void Engine::end() {
    if (threads_.empty())
        return;
    worker_->stop();
    for (const Media& media : media_)
        media.worker->stop();
    for (std::thread& thread : threads_)
        thread.join();
    threads_.clear();
}

std::vector<std::string> Engine::complaints() const {
    std::vector<std::string> all = worker_->complaints();
    for (const Media& media : media_)
        std::ranges::copy(media.worker->complaints(), std::back_inserter(all));
    return all;
}

void Engine::say(const path::HopChange& change) {
    for (const auto& changes : changes_)
        if (!changes->push(change))
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
        if (page_.appliance.read(wanted) && wanted != setup_)
            return false;
    }
    return true;
}

std::string Engine::describe() const {
    std::string text = "outside " + networks_[0]->port.name() + ", inside " + networks_[1]->port.name();
    if (workers_ > 1)
        text += ", " + std::to_string(workers_) + " workers, spread by " +
                (spreading() == path::Spreading::by_ports ? "the ports" : "the workers");
    return text;
}

} // namespace tandem::dpdk
