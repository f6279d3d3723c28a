// SPDX-License-Identifier: GPL-3.0-or-later
// In the place of the brain, beside a tandem-fast: makes it the active node of one group, and counts what it
// takes.
//
//   nfqueue_watch RUN_DIR INTERFACE VIP QUEUE PATTERN SECONDS
//
// PATTERN: what is mirrored, to 127.0.0.2 from 127.0.0.1; `-`: nothing is. Says `ready` when the engine takes
// packets, begins to count when a line comes in, and then says {"packets", "seconds", "cpu", "mirrored"}.
// Counting begins after the first fifth of the time.
#include "dataplane/contract/page.hh"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using namespace tandem;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t sip_port = 5060;
constexpr std::uint16_t mirror_port = 5561;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

std::optional<contract::Policy> policy(char** words) {
    const auto vip = wire::IpAddress::parse(words[3]);
    if (!vip)
        return std::nullopt;
    contract::Policy made;
    made.vip_count = 1;
    made.vips[0].address = *vip;
    made.group_count = 1;
    const std::string interface = words[2];
    std::copy(interface.begin(), interface.end(), made.groups[0].outside_interface.begin());
    constexpr std::string_view shadow = "shadow0";
    std::copy(shadow.begin(), shadow.end(), made.shadow_interface.begin());
    made.groups[0].sip_port_count = 1;
    made.groups[0].sip_ports[0] = sip_port;
    if (std::string_view{words[5]} != "-") {
        const auto pattern = contract::RequestPattern::parse(words[5]);
        if (!pattern)
            return std::nullopt;
        made.groups[0].pattern = *pattern;
        made.groups[0].mirroring = contract::Mirroring::on;
    }
    made.path_count = 1;
    made.paths[0] = {wire::IpAddress::v4({127, 0, 0, 1}), wire::IpAddress::v4({127, 0, 0, 2})};
    made.mirror_port = mirror_port;
    made.queue = static_cast<std::uint16_t>(std::strtoul(words[4], nullptr, 10));
    return made;
}

contract::MirrorLink keys() {
    contract::MirrorLink link;
    link.current.association = 1;
    link.current.transmit.key.fill(1);
    link.current.receive.key.fill(2);
    return link;
}

/// Seconds that all threads of a process have used.
double used(std::int32_t process) {
    double sum = 0;
    const auto tasks = "/proc/" + std::to_string(process) + "/task";
    for (const auto& task : std::filesystem::directory_iterator{tasks}) {
        std::ifstream stated{task.path() / "schedstat"};
        double ns = 0;
        stated >> ns;
        sum += ns / 1e9;
    }
    return sum;
}

/// Counts for that long.
void count(contract::Page& page, double seconds) {
    const auto whole = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    ::poll(nullptr, 0,
           static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(whole / 5).count()));
    const auto begin = Clock::now();
    const double used_before = used(page.engine.pid.load());
    const auto packets = page.engine.received.load();
    const auto matched = page.counters.get(contract::Counter::mirror_matched);
    ::poll(nullptr, 0,
           static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(whole).count()));
    const auto after = page.engine.received.load();
    std::printf("{\"packets\":%lu,\"seconds\":%.3f,\"cpu\":%.3f,\"mirrored\":%lu}\n", after - packets,
                std::chrono::duration<double>(Clock::now() - begin).count(),
                used(page.engine.pid.load()) - used_before,
                page.counters.get(contract::Counter::mirror_matched) - matched);
}

} // namespace

int main(int argc, char** argv) {
    const auto made = argc == 7 ? policy(argv) : std::nullopt;
    if (!made) {
        std::fprintf(stderr, "usage: %s RUN_DIR INTERFACE VIP QUEUE PATTERN SECONDS\n", argv[0]);
        return 2;
    }
    auto page = contract::PageMapping::open(argv[1]);
    if (!page) {
        std::fprintf(stderr, "%s\n", page.error().c_str());
        return 1;
    }
    constexpr std::int64_t hour = 3'600'000'000'000;
    (*page)->mirror_links[0].write(keys());
    (*page)->grants[0].expires_ns.store(now_ns() + hour);
    (*page)->grants[0].role.write({.epoch = 7, .standing = contract::Standing::active});
    (*page)->policy.write(*made);
    const auto deadline = Clock::now() + std::chrono::seconds{10};
    while ((*page)->engine.attached.load() == 0) {
        if (Clock::now() > deadline) {
            std::fprintf(stderr, "tandem-fast does not take packets\n");
            return 1;
        }
        ::poll(nullptr, 0, 5);
    }
    std::puts("ready");
    std::fflush(stdout);
    if (std::getchar() == EOF)
        return 1;
    count(**page, std::strtod(argv[6], nullptr));
    return 0;
}
