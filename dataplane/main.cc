// SPDX-License-Identifier: GPL-3.0-or-later

// tandem-fast, the packet process: wiring.
//
//                   host mode                                  appliance
//   worker thread   kernel queue, mirror links, shadow TUN     ports, mirror links            <-> shared page
//   main thread     packet-filter rules follow the policy      routes, neighbours, links      <-  shared page

#include "dataplane/io/dpdk/engine.hh"
#include "dataplane/io/nfqueue/engine.hh"
#include "dataplane/io/nfqueue/rule_keeper.hh"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

namespace {

using namespace tandem;

template <typename... Args>
void log(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(stderr, "tandem-fast: {}\n", fmt::format(format, std::forward<Args>(args)...));
}

/// Waits for a signal to stop; false when none came in time.
bool stop_asked(const sigset_t& signals, std::chrono::milliseconds time) {
    timespec timeout{};
    timeout.tv_nsec = static_cast<long>(std::chrono::nanoseconds{time}.count());
    return ::sigtimedwait(&signals, nullptr, &timeout) > 0;
}

/// One engine per run directory. The descriptor stays open for the life of the process.
bool lock(const std::string& run_dir) {
    const std::string path = run_dir + "/engine.lock";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return descriptor >= 0 && ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
}

int serve_kernel_queue(contract::Page& page, const std::string& run_dir, const sigset_t& signals) {
    auto engine = nfqueue::Engine::open(page, run_dir);
    if (!engine) {
        log("event=engine_refused reason=\"{}\"", engine.error());
        return 1;
    }
    for (const std::string& complaint : (*engine)->complaints())
        log("event=table_unshared reason=\"{}\"", complaint);
    std::thread worker{[&] { (*engine)->run(); }};
    nfqueue::RuleKeeper rules{page, **engine};
    int status = 0;
    if (const auto missed = rules.begin()) {
        log("event=engine_started backend={} missed={}", to_string(rules.backend()), *missed);
        do {
            const auto changed = rules.follow();
            if (!changed)
                log("event=rules_failed reason=\"{}\"", changed.error());
            else if (*changed == nfqueue::Change::made)
                log("event=rules_changed backend={}", to_string(rules.backend()));
        } while (!stop_asked(signals, std::chrono::milliseconds{50}));
    } else {
        log("event=engine_refused reason=\"{}\"", missed.error());
        status = 1;
    }
    if (const auto removed = rules.end(); !removed)
        log("event=rules_failed reason=\"{}\"", removed.error());
    (*engine)->stop();
    worker.join();
    log("event=engine_stopped");
    return status;
}

int serve_ports(contract::Page& page, const std::string& run_dir, const sigset_t& signals) {
    auto engine = dpdk::Engine::open(page, run_dir);
    if (!engine) {
        log("event=engine_refused reason=\"{}\"", engine.error());
        return 1;
    }
    for (const std::string& complaint : (*engine)->complaints())
        log("event=table_unshared reason=\"{}\"", complaint);
    (*engine)->begin();
    log("event=engine_started backend=dpdk ports=\"{}\"", (*engine)->describe());
    int status = 0;
    while (!stop_asked(signals, std::chrono::milliseconds{0}))
        if (!(*engine)->attend()) {
            log("event=engine_restart reason=\"the configuration names other ports\"");
            status = 1;
            break;
        }
    (*engine)->end();
    log("event=engine_stopped");
    return status;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"tandem-fast: the packet process of tandem"};
    std::string run_dir = "/run/tandem";
    app.add_option("--run-dir", run_dir, "directory that is shared with tandemd");
    app.set_version_flag("--version", "tandem-fast " TANDEM_VERSION);
    CLI11_PARSE(app, argc, argv);

    // Before the first thread: they inherit the mask.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    auto page = contract::PageMapping::open(run_dir);
    if (!page) {
        log("event=engine_refused reason=\"{}\"", page.error());
        return 1;
    }
    if (!lock(run_dir)) {
        log("event=engine_refused reason=\"{}: another tandem-fast runs here\"", run_dir);
        return 1;
    }
    // No page fault between a packet and its verdict; pages not yet touched are locked when they are.
    ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);

    contract::Policy policy;
    while (!(*page)->policy.read(policy) || policy.vip_count == 0)
        if (stop_asked(signals, std::chrono::milliseconds{50}))
            return 0;
    contract::Appliance setup; // stands in the page before the policy does
    if ((*page)->appliance.read(setup) && setup.backend == contract::Backend::dpdk)
        return serve_ports(**page, run_dir, signals);
    return serve_kernel_queue(**page, run_dir, signals);
}
