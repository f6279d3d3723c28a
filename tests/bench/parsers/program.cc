// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/parsers/program.hh"

#include <chrono>
#include <cstdio>
#include <cstdlib>
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

struct Spent {
    double ns{0};
    double ticks{0};
    std::size_t accepted{0}; ///< of one round
};

/// Whole rounds over all messages until the time is up; the mean of one message.
Spent rounds(Parser& parser, const std::vector<std::string>& messages, Clock::duration time) {
    constexpr int rounds_between_looks = 16;
    std::size_t accepted = 0;
    std::size_t parsed = 0;
    const auto begin = Clock::now();
    const auto ticks = __rdtsc();
    auto end = begin;
    while (end - begin < time) {
        for (int round = 0; round < rounds_between_looks; ++round)
            for (const auto& message : messages)
                accepted += parser.parse(message) ? 1 : 0;
        parsed += rounds_between_looks * messages.size();
        end = Clock::now();
    }
    const auto count = static_cast<double>(parsed);
    return {std::chrono::duration<double, std::nano>(end - begin).count() / count,
            static_cast<double>(__rdtsc() - ticks) / count, accepted / (parsed / messages.size())};
}

void print_fields(Parser& parser, const std::vector<std::string>& messages) {
    for (const auto& message : messages) {
        const auto fields = parser.read(message);
        std::printf("%s\n", fields ? to_json(*fields).c_str() : "null");
    }
}

void print_time(Parser& parser, const std::vector<std::string>& messages, double seconds) {
    const auto time = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    rounds(parser, messages, time / 5);
    const auto spent = rounds(parser, messages, time);
    std::printf("{\"ns\":%.2f,\"ticks\":%.1f,\"messages\":%zu,\"accepted\":%zu,\"with\":\"%s\"}\n", spent.ns,
                spent.ticks, messages.size(), spent.accepted, parser.with().c_str());
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
