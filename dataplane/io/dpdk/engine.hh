// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The engine of appliance mode: DPDK, ports, kernel interfaces, workers.
//
//   first worker    SIP, and what is not merely forwarded                <-> shared page, HA links, kernel
//   further ones    media, and what else is merely forwarded             <-> shared page
//   main thread     routes, neighbours, links, counts                    <-> kernel, shared page
//
// Everything is made once, from what the brain has written into the page; another set of ports needs a new
// start. Deliberately absent: the way of a packet (workers), signals and logs (main.cc).

#include "dataplane/contract/page.hh"
#include "dataplane/io/dpdk/exchange.hh"
#include "dataplane/io/dpdk/kernel_tables.hh"
#include "dataplane/io/dpdk/lane.hh"
#include "dataplane/io/dpdk/media_worker.hh"
#include "dataplane/io/dpdk/port.hh"
#include "dataplane/io/dpdk/quiet.hh"
#include "dataplane/io/dpdk/tap.hh"
#include "dataplane/io/dpdk/worker.hh"

#include <array>
#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tandem::dpdk {

class Engine {
public:
    /// Starts DPDK and opens everything. Once in the life of the process. The page outlives the engine. The
    /// error is a sentence.
    static std::expected<std::unique_ptr<Engine>, std::string> open(contract::Page& page,
                                                                    const std::string& run_dir);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Starts the workers.
    void begin();
    /// The main thread's work: waits for something to do, at most 100 ms, and does it. Call it again and
    /// again. False: the page asks for other ports than these.
    bool attend();
    /// Ends the workers.
    void end();

    /// "outside 0000:03:00.0, inside 0000:03:00.1, 2 workers, spread by the ports", for the log.
    std::string describe() const;
    /// Why tables are not in files, in sentences.
    std::vector<std::string> complaints() const;

private:
    struct Network {
        Port port;
        Tap tap;
        contract::PortStatus* status;
        bool link{false};
        std::vector<std::unique_ptr<SharedQueue>> shared{}; ///< by transmit queue, where workers share them
    };
    /// Those that carry media; the first worker is apart.
    struct Media {
        std::unique_ptr<Spreader> spreader;
        std::unique_ptr<MediaWorker> worker;
    };

    Engine(contract::Page& page, const contract::Appliance& setup);
    std::expected<void, std::string> add_network(const contract::PortSetup& setup, std::size_t place);
    std::expected<void, std::string> open_networks();
    std::expected<void, std::string> make_workers(const std::string& run_dir);
    std::expected<void, std::string> check_buffers() const;
    std::expected<void, std::string> share_queues(Network& network);
    Lane& add_lane(Network& network, std::size_t worker, WhenFull when_full = WhenFull::drop);
    std::unique_ptr<Spreader> make_spreader(std::size_t worker, const path::Owners& owners, Lane& outside,
                                            Lane& inside);
    path::Spreading spreading() const;
    contract::Counters& counters_of(std::size_t worker);
    template <class Run>
    void start(std::size_t worker, Run run);
    void watch_links();
    void answer_asks();
    void refresh_servers();
    void report();
    void say(const path::HopChange& change);

    contract::Page& page_;
    contract::Appliance setup_;
    rte_mempool* pool_{nullptr};
    Quiet quiet_;
    std::vector<std::unique_ptr<Network>> networks_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::array<int, contract::ports_max> interfaces_{}; ///< the TAPs' indices, by place; 0: no such network
    std::size_t workers_;
    std::vector<std::unique_ptr<HopChanges>> changes_; ///< by worker
    std::unique_ptr<HopAsks> asks_;
    Bell bell_;
    std::unique_ptr<KernelTables> tables_;
    std::unique_ptr<Exchange> exchange_; ///< null: there is one worker
    std::unique_ptr<Spreader> spreader_; ///< of the first one, likewise
    std::unique_ptr<Worker> worker_;
    std::vector<Media> media_;
    std::vector<std::thread> threads_;
    bool overflowed_{false}; ///< a change found no room
    std::chrono::steady_clock::time_point report_at_{};
    std::chrono::steady_clock::time_point servers_at_{};
};

} // namespace tandem::dpdk
