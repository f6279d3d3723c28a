// SPDX-License-Identifier: GPL-3.0-or-later

// What an appliance costs while nothing happens, and what its sleep adds to a packet's way.
//
// An engine between two links that are quiet: the time that the process takes of a core. Then single packets
// with pauses between them, so that each meets a sleeping worker; the same with a worker that never sleeps.
// Prints a line of JSON for each run. RUNS (environment) says how many.

#define BOOST_TEST_MODULE appliance_idle
#include <boost/test/unit_test.hpp>

#include "tests/packet/appliance.hh"
#include "tests/packet/cases.hh"
#include "tests/packet/namespaces.hh"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace packet_suite;
using namespace tandem;
using namespace std::chrono_literals;

constexpr auto quiet = 5s;
constexpr std::size_t packets = 400;

/// The time that is measured, or lies between two packets.
void pass(std::chrono::nanoseconds time) {
    eventually(
        [end = std::chrono::steady_clock::now() + time] { return std::chrono::steady_clock::now() >= end; },
        std::chrono::minutes{1});
}

/// Seconds of processor time that the engine has taken, all threads.
double engine_time(Appliance& appliance) {
    std::ifstream file{"/proc/" + std::to_string(appliance.page().engine.pid.load()) + "/stat"};
    std::string line;
    std::getline(file, line);
    std::istringstream fields{line.substr(line.rfind(')') + 2)};
    std::string field;
    double ticks = 0;
    for (int i = 3; fields >> field && i <= 15; ++i) // utime is the 14th field, stime the 15th
        if (i >= 14)
            ticks += std::stod(field);
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// Microseconds that a packet takes from one network to the other, in the median.
double crossing_us(Appliance& appliance) {
    const Bytes packet = packet_of(request("OPTIONS"), vip, 5060);
    const auto is_it = [&](const Bytes& frame) { return ip_in(frame) == packet; };
    std::vector<double> times;
    for (std::size_t i = 0; i < packets; ++i) {
        pass(std::chrono::microseconds{2000 + 37 * (i % 50)});
        const auto begin = std::chrono::steady_clock::now();
        appliance.send(Wire::outside, packet);
        while (!appliance.is_there(Wire::inside, is_it))
            BOOST_REQUIRE(std::chrono::steady_clock::now() - begin < 1s);
        times.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
    }
    std::ranges::nth_element(times, times.begin() + packets / 2);
    return times[packets / 2];
}

} // namespace

BOOST_AUTO_TEST_CASE(idle) {
    const char* runs = std::getenv("RUNS");
    for (int run = 0; run < (runs == nullptr ? 5 : std::stoi(runs)); ++run) {
        double core = 0;
        double sleeping = 0;
        double polling = 0;
        {
            Appliance appliance;
            const double before = engine_time(appliance);
            pass(quiet);
            core = (engine_time(appliance) - before) / std::chrono::duration<double>(quiet).count();
            sleeping = crossing_us(appliance);
        }
        {
            Appliance appliance{{.forwarding = contract::Forwarding::transparent,
                                 .outside_tags = {},
                                 .inside_tags = {},
                                 .inside_mtu = 1500,
                                 .idle = contract::Idle::poll}};
            polling = crossing_us(appliance);
        }
        std::printf("{\"core\": %.4f, \"sleeping_us\": %.1f, \"polling_us\": %.1f}\n", core, sleeping,
                    polling);
        std::fflush(stdout);
    }
}
