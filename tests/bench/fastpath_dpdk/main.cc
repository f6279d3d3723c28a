// SPDX-License-Identifier: GPL-3.0-or-later
// Measures what the DPDK engine's hot path costs on one core, row by row. See --help.

#include "tests/bench/calm/calm.hh"
#include "tests/bench/fastpath_dpdk/rig.hh"

#include <rte_cycles.h>
#include <rte_eal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using fastpath_bench::Order;
using fastpath_bench::Rig;
using fastpath_bench::RigSetup;
using fastpath_bench::Work;

struct Row {
    std::string_view name;
    Work work;
    std::size_t pool;
    std::string_view sentence;
};

constexpr std::array rows{
    Row{"match", Work::match, 4096,
        "look, match, verdict, flows, counters; 1 in 8 mirrored by reference, clear"},
    Row{"copy", Work::copy, 4096, "the same, every packet copied to the mirror port, clear"},
    Row{"track", Work::track, 4096, "as match, every message extracted and tracked"},
    Row{"seal", Work::seal, 4096, "every packet sealed (AES-128-GCM) to the mirror port"},
    Row{"rtp", Work::rtp, 4096, "RTP forwarded, 172 octets, as many flows as buffers"},
    Row{"match-l3", Work::match, 65'536, "match, from a pool that only the third cache holds"},
    Row{"copy-l3", Work::copy, 65'536, "copy, likewise"},
    Row{"track-l3", Work::track, 65'536, "track, likewise"},
};

struct Options {
    std::vector<std::string> rows;
    std::string huge_dir;
    bool no_huge{false};
    bool json{false};
    Order order{Order::last_first};
    bool order_given{false};
    bool openssl{false};
    std::size_t pool{0};
    int core{1};
    int runs{7};
    double seconds{0.3};
};

void help() {
    std::puts(
        "fastpath_dpdk [OPTIONS] [ROW...]\n"
        "  --huge-dir DIR   hugepages by this hugetlbfs mount\n"
        "  --no-huge        ordinary pages\n"
        "  --json           one JSON object a line\n"
        "  --order ORDER    in which buffers come back: fifo (every one in turn; default of the l3 rows) or\n"
        "                   lifo (as the cache of a pool gives them; default of the others)\n"
        "  --openssl        seal with OpenSSL, not with the multi-buffer library\n"
        "  --pool N         buffers, for all rows\n"
        "  --core N         (1)\n"
        "  --runs N         (7)\n"
        "  --seconds S      of each run (0.3)\n"
        "Rows (all without a name):");
    for (const Row& row : rows)
        std::printf("  %-9s %.*s\n", row.name.data(), static_cast<int>(row.sentence.size()),
                    row.sentence.data());
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

struct Measured {
    double mpps{0};      ///< median over slices of some ten to some hundred microseconds
    double wall_mpps{0}; ///< of the whole time, whatever else ran on the core meanwhile
    double calm{0};      ///< share of the slices that had the core for themselves
};

/// The median over short slices is what the core does while it does this: other processes take whole slices,
/// and those in which a neighbour shared the core's units are left out where enough are left.
Measured measure(Rig& rig, double seconds) {
    constexpr int bursts = 32;
    constexpr std::size_t enough = 256;
    constexpr double patience = 12; // times what was asked for, until there are enough
    static calm::Calm core;
    const auto hertz = static_cast<double>(rte_get_tsc_hz());
    const std::uint64_t start = rte_get_tsc_cycles();
    std::uint64_t before = 0;
    std::size_t packets = 0;
    std::vector<double> slices;
    std::vector<double> alone;
    bool was_calm = core.now();
    double elapsed = 0;
    do {
        before = rte_get_tsc_cycles();
        std::size_t count = 0;
        for (int i = 0; i < bursts; ++i)
            count += rig.turn();
        const std::uint64_t now = rte_get_tsc_cycles();
        slices.push_back(static_cast<double>(count) * hertz / static_cast<double>(now - before) / 1e6);
        packets += count;
        const bool is_calm = core.now();
        if (was_calm && is_calm)
            alone.push_back(slices.back());
        was_calm = is_calm;
        elapsed = static_cast<double>(rte_get_tsc_cycles() - start) / hertz;
    } while (elapsed < seconds || (alone.size() < enough && elapsed < patience * seconds));
    const double share = static_cast<double>(alone.size()) / static_cast<double>(slices.size());
    return {median(alone.size() < enough ? slices : alone), static_cast<double>(packets) / elapsed / 1e6,
            share};
}

bool run(const Row& row, const Options& options) {
    RigSetup setup;
    setup.work = row.work;
    setup.pool = options.pool != 0 ? options.pool : row.pool;
    setup.order =
        options.order_given ? options.order : (row.pool > 4096 ? Order::first_first : Order::last_first);
    if (options.openssl)
        setup.sealing = tandem::dpdk::Sealing::openssl;
    Rig rig{setup};
    measure(rig, 0.1);
    std::vector<double> mpps;
    std::vector<double> wall;
    std::vector<double> calm;
    for (int i = 0; i < options.runs; ++i) {
        const Measured measured = measure(rig, options.seconds);
        mpps.push_back(measured.mpps);
        wall.push_back(measured.wall_mpps);
        calm.push_back(measured.calm);
    }
    const std::vector<std::string> wrong = rig.verify();
    for (const std::string& sentence : wrong)
        std::fprintf(stderr, "fastpath_dpdk: %s: wrong: %s\n", row.name.data(), sentence.c_str());
    const double middle = median(mpps);
    const double cycles = static_cast<double>(rte_get_tsc_hz()) / (middle * 1e6);
    const char* memory = options.no_huge ? "no-huge" : "hugepages";
    const char* order = setup.order == Order::first_first ? "fifo" : "lifo";
    if (options.json) {
        std::printf("{\"row\":\"%s\",\"mpps\":%.3f,\"mpps_wall\":%.3f,\"calm\":%.3f,\"cycles\":%.1f,\"ns\":%."
                    "2f,\"runs\":[",
                    row.name.data(), middle, median(wall), median(calm), cycles, 1000 / middle);
        for (std::size_t i = 0; i < mpps.size(); ++i)
            std::printf("%s%.3f", i == 0 ? "" : ",", mpps[i]);
        std::printf(
            "],\"pool\":%zu,\"order\":\"%s\",\"memory\":\"%s\",\"flows\":%zu,\"octets\":%.1f,\"right\":%s}\n",
            setup.pool, order, memory, rig.flows(), rig.traffic().text_average,
            wrong.empty() ? "true" : "false");
    } else {
        std::printf("%-9s %7.2f Mpps (wall %7.2f, calm %3.0f %%)  %6.1f cycles  %6.2f ns  pool %zu %s, %s, "
                    "%.0f octets%s\n",
                    row.name.data(), middle, median(wall), 100 * median(calm), cycles, 1000 / middle,
                    setup.pool, order, memory, rig.traffic().text_average, wrong.empty() ? "" : "  WRONG");
    }
    std::fflush(stdout);
    return wrong.empty();
}

bool parse(int count, char** words, Options& options) {
    for (int i = 1; i < count; ++i) {
        const std::string_view word{words[i]};
        const auto value = [&]() -> const char* { return i + 1 < count ? words[++i] : ""; };
        if (word == "--huge-dir")
            options.huge_dir = value();
        else if (word == "--no-huge")
            options.no_huge = true;
        else if (word == "--json")
            options.json = true;
        else if (word == "--order") {
            options.order = std::string_view{value()} == "lifo" ? Order::last_first : Order::first_first;
            options.order_given = true;
        } else if (word == "--openssl")
            options.openssl = true;
        else if (word == "--pool")
            options.pool = std::stoul(value());
        else if (word == "--core")
            options.core = std::stoi(value());
        else if (word == "--runs")
            options.runs = std::stoi(value());
        else if (word == "--seconds")
            options.seconds = std::stod(value());
        else if (word.starts_with("-"))
            return false;
        else
            options.rows.emplace_back(word);
    }
    return true;
}

bool start_eal(const Options& options) {
    std::vector<std::string> words{
        "fastpath_dpdk",    "-l", std::to_string(options.core), "--no-pci", "--no-telemetry",
        "--log-level=error"};
    if (options.no_huge) {
        words.insert(words.end(), {"--no-huge", "--no-shconf", "-m", "512"});
    } else {
        words.emplace_back("--in-memory");
        if (!options.huge_dir.empty())
            words.insert(words.end(), {"--huge-dir", options.huge_dir});
    }
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    return rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) >= 0;
}

} // namespace

int main(int count, char** words) {
    Options options;
    if (count > 1 && std::string_view{words[1]} == "--help") {
        help();
        return 0;
    }
    if (!parse(count, words, options)) {
        help();
        return 2;
    }
    if (!start_eal(options)) {
        std::fputs("fastpath_dpdk: DPDK does not start; without hugepages use --no-huge\n", stderr);
        return 2;
    }
    bool right = true;
    for (const Row& row : rows)
        if (options.rows.empty() ||
            std::find(options.rows.begin(), options.rows.end(), row.name) != options.rows.end())
            right = run(row, options) && right;
    rte_eal_cleanup();
    return right ? 0 : 1;
}
