// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/parsers/program.hh"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <x86intrin.h>

namespace tandem::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::optional<std::vector<std::string>> messages_of(const char* pack) {
    std::ifstream stream{pack, std::ios::binary};
    if (!stream)
        return std::nullopt;
    const std::string octets{std::istreambuf_iterator<char>{stream}, {}};
    std::vector<std::string> messages;
    for (std::size_t at = 0; at < octets.size();) {
        if (octets.size() - at < 4)
            return std::nullopt;
        std::size_t length = 0;
        for (std::size_t i = 4; i-- > 0;)
            length = length << 8U | static_cast<unsigned char>(octets[at + i]);
        at += 4;
        if (length > octets.size() - at)
            return std::nullopt;
        messages.push_back(octets.substr(at, length));
        at += length;
    }
    return messages;
}

/// Time of this thread alone: what else the machine does meanwhile is not in it.
double spent_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Ticks of the clock that counts them, for one nanosecond.
double ticks_per_ns() {
    const auto begin = Clock::now();
    const auto ticks = __rdtsc();
    while (Clock::now() - begin < std::chrono::milliseconds{20}) {
    }
    return static_cast<double>(__rdtsc() - ticks) /
           std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

struct Spent {
    double ns{0};
    std::size_t accepted{0}; ///< of one round
};

/// Whole rounds over all messages until the time is up; the mean of one message.
Spent rounds(Parser& parser, const std::vector<std::string>& messages, double time_ns) {
    // A look at the clock is a system call: it must not count beside a single message either.
    const std::size_t rounds_between_looks = std::max<std::size_t>(16, 4096 / messages.size());
    std::size_t accepted = 0;
    std::size_t parsed = 0;
    const double begin = spent_ns();
    double end = begin;
    while (end - begin < time_ns) {
        for (std::size_t round = 0; round < rounds_between_looks; ++round)
            for (const auto& message : messages)
                accepted += parser.parse(message) ? 1 : 0;
        parsed += rounds_between_looks * messages.size();
        end = spent_ns();
    }
    return {(end - begin) / static_cast<double>(parsed), accepted / (parsed / messages.size())};
}

void print_fields(Parser& parser, const std::vector<std::string>& messages) {
    for (const auto& message : messages) {
        const auto fields = parser.read(message);
        std::printf("%s\n", fields ? to_json(*fields).c_str() : "null");
    }
}

void print_time(Parser& parser, const std::vector<std::string>& messages, double seconds) {
    rounds(parser, messages, seconds * 1e9 / 5);
    const auto spent = rounds(parser, messages, seconds * 1e9);
    std::printf("{\"ns\":%.2f,\"ticks\":%.1f,\"messages\":%zu,\"accepted\":%zu,\"with\":\"%s\"}\n", spent.ns,
                spent.ns * ticks_per_ns(), messages.size(), spent.accepted, parser.with().c_str());
}

} // namespace

int run(int argc, char** argv, Parser& parser) {
    const std::string_view what = argc > 1 ? argv[1] : "";
    if (!((what == "fields" && argc == 3) || (what == "time" && argc == 4))) {
        std::fprintf(stderr, "usage: %s fields PACK | time PACK SECONDS\n", argv[0]);
        return 2;
    }
    const auto messages = messages_of(argv[2]);
    if (!messages || messages->empty()) {
        std::fprintf(stderr, "%s: no messages\n", argv[2]);
        return 1;
    }
    if (what == "fields")
        print_fields(parser, *messages);
    else
        print_time(parser, *messages, std::strtod(argv[3], nullptr));
    return 0;
}

} // namespace tandem::bench
