// SPDX-License-Identifier: GPL-3.0-or-later
// tandem-phone: what a client on the network sees, measured.
//
//   tandem-phone probe --target VIP:5060 --local ADDR --log FILE [--rate N] [--duration MS] [--realtime]
//   tandem-phone watch --netns NAME --netns NAME --interface NAME --vip ADDR [--vip ADDR]

#include "tools/phone/holders.hh"
#include "tools/phone/options.hh"
#include "tools/phone/probe.hh"

#include <sched.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace tandem::phone;

int usage(const std::string& why) {
    std::fprintf(stderr,
                 "tandem-phone: %s\n"
                 "usage: tandem-phone probe --target VIP:5060 --local ADDR --log FILE [--rate N]\n"
                 "                          [--duration MS] [--realtime]\n"
                 "       tandem-phone watch --netns NAME... --interface NAME --vip ADDR... [--realtime]\n",
                 why.c_str());
    return 2;
}

int failed(const std::string& why) {
    std::fprintf(stderr, "tandem-phone: %s\n", why.c_str());
    return 1;
}

int probe(const std::vector<std::string>& words) {
    const auto options = Options::read(words, {"target", "local", "log", "rate", "duration"}, {"realtime"});
    if (!options)
        return usage(options.error());
    if (!options->given("target") || !options->given("local"))
        return usage("--target and --local are both needed");
    const auto target = parse_endpoint(options->text("target").value(), 5060);
    const auto local = parse_endpoint(options->text("local").value(), 0);
    const auto log = options->text("log");
    const auto rate = options->number("rate", 1, 100'000, 1000);
    const auto duration = options->number("duration", 1, 86'400'000, 0);
    if (!target || !local)
        return usage(!target ? target.error() : local.error());
    if (!log)
        return usage(log.error());
    if (!rate || !duration)
        return usage(!rate ? rate.error() : duration.error());
    if (target->family() != local->family())
        return usage("--target and --local are not of one address family");
    const auto summary = run_probe({
        .target = *target,
        .local = *local,
        .rate = *rate,
        .duration_ms = *duration,
        .log_file = *log,
        .scheduling = options->given("realtime") ? Scheduling::realtime : Scheduling::normal,
    });
    if (!summary)
        return failed(summary.error());
    std::printf("%s\n", summary->c_str());
    return 0;
}

int watch(const std::vector<std::string>& words) {
    const auto options = Options::read(words, {"netns", "interface", "vip"}, {"realtime"});
    if (!options)
        return usage(options.error());
    const auto interface = options->text("interface");
    if (!interface || !options->given("netns") || !options->given("vip"))
        return usage("--netns, --interface and --vip are all needed");
    if (options->given("realtime")) {
        const sched_param lowest{.sched_priority = 1};
        if (::sched_setscheduler(0, SCHED_FIFO, &lowest) != 0)
            std::perror("tandem-phone: real-time scheduling");
    }
    const auto watched = watch_holders({
        .namespaces = options->texts("netns"),
        .interface = *interface,
        .addresses = options->texts("vip"),
    });
    return watched ? 0 : failed(watched.error());
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty())
        return usage("a mode is missing");
    const std::vector<std::string> rest(words.begin() + 1, words.end());
    if (words.front() == "probe")
        return probe(rest);
    if (words.front() == "watch")
        return watch(rest);
    return usage("unknown mode: " + words.front());
}
