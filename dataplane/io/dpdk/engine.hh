// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The engine of appliance mode: DPDK, ports, kernel interfaces, worker.
//
//   worker thread   packets                                              <-> shared page, HA links
//   main thread     routes, neighbours, links, counts                    <-> kernel, shared page
//
// Everything is made once, from what the brain has written into the page; another set of ports needs a new
// start. Deliberately absent: the way of a packet (worker), signals and logs (main.cc).

#include "dataplane/contract/page.hh"
#include "dataplane/io/dpdk/kernel_tables.hh"
#include "dataplane/io/dpdk/lane.hh"
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

    /// Starts the worker.
    void begin();
    /// The main thread's work: waits for something to do, at most 100 ms, and does it. Call it again and
    /// again. False: the page asks for other ports than these.
    bool attend();
    /// Ends the worker.
    void end();

    /// "outside 0000:03:00.0, inside 0000:03:00.1", for the log.
    std::string describe() const;

private:
    struct Network {
        Port port;
        Tap tap;
        contract::PortStatus* status;
        bool link{false};
    };

    Engine(contract::Page& page, const contract::Appliance& setup);
    std::expected<void, std::string> add_network(const contract::PortSetup& setup, std::size_t place);
    std::expected<void, std::string> open_networks(const std::string& run_dir);
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
    std::unique_ptr<HopChanges> changes_;
    std::unique_ptr<HopAsks> asks_;
    Bell bell_;
    std::unique_ptr<KernelTables> tables_;
    std::unique_ptr<Worker> worker_;
    std::thread thread_;
    bool overflowed_{false}; ///< a change found no room
    std::chrono::steady_clock::time_point report_at_{};
    std::chrono::steady_clock::time_point servers_at_{};
};

} // namespace tandem::dpdk
