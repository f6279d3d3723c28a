// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/guard.hh"

#include "control/app/clock.hh"
#include "control/app/lifeline.hh"
#include "control/app/realtime.hh"
#include "dataplane/contract/page.hh"
#include "netlink/kernel.hh"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace tandem::app {
namespace {

constexpr ha::Duration check_interval = std::chrono::milliseconds{5};
/// So many checks in a row, each of them on time, without a turn of the pulse: the brain hangs. Checks that
/// came late do not count: then the machine was not running, and nobody was.
/// A virtual machine's processor that is taken away alone comes back within some 60 ms: that is no reason to
/// end a brain, and the peer, whose probe this node's kernel answers, asks the service for longer than that.
constexpr unsigned stalled_checks_min = 20;
constexpr ha::Duration stop_patience = std::chrono::seconds{15};
/// A brain that lived this long is started again at once.
constexpr ha::Duration healthy_life = std::chrono::seconds{2};
constexpr ha::Duration restart_pause_max = std::chrono::seconds{5};

void say(const std::string& text) {
    // One line, one write: the guard has no logger to wait for.
    const std::string line = "tandemd guard: " + text + "\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

/// Gives every thread of a dying process the guard's priority. The process lets go of its sockets when its
/// last thread has ended, and an ordinary thread ends when it gets its turn: on a busy machine after more
/// time than a heartbeat. Only then is the peer's next heartbeat refused, which proves the death.
void hasten(pid_t process) {
    DIR* const threads = ::opendir(("/proc/" + std::to_string(process) + "/task").c_str());
    if (threads == nullptr)
        return;
    const sched_param parameters{.sched_priority = guard_priority};
    while (const dirent* thread = ::readdir(threads)) {
        const std::string_view name{thread->d_name};
        pid_t id = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc{})
            ::sched_setscheduler(id, SCHED_FIFO, &parameters);
    }
    ::closedir(threads);
}

/// Waits for the end of the brain's pulse thread on the robust mutex of the lifeline, and tells the guard
/// through a descriptor. A thread of its own, because that wait cannot be combined with any other.
class Mourner {
public:
    explicit Mourner(Lifeline& lifeline)
        : lifeline_(lifeline)
        , wake_(::eventfd(0, EFD_CLOEXEC))
        , told_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        thread_ = std::thread{[this] { run(); }};
    }
    /// The guard's process ends with it: there is nothing to be joined for.
    ~Mourner() { thread_.detach(); }
    Mourner(const Mourner&) = delete;
    Mourner& operator=(const Mourner&) = delete;

    /// The brain's pulse thread has the mutex: wait for its end.
    void begin() const { add_one(wake_); }
    /// Readable when the pulse thread has ended.
    int descriptor() const { return told_; }
    void settle() const {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(told_, &count, sizeof count);
    }

private:
    static void add_one(int fd) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
    }
    void run() {
        become_realtime(guard_priority);
        for (std::uint64_t count = 0; ::read(wake_, &count, sizeof count) == sizeof count;) {
            if (::pthread_mutex_lock(&lifeline_.alive) == EOWNERDEAD)
                ::pthread_mutex_consistent(&lifeline_.alive);
            ::pthread_mutex_unlock(&lifeline_.alive);
            add_one(told_);
        }
    }

    Lifeline& lifeline_;
    int wake_;
    int told_;
    std::thread thread_;
};

class Guard {
public:
    Guard(const GuardSettings& settings, contract::PageMapping page, LifelineMapping lifeline,
          netlink::BatchSocket socket, int signals)
        : settings_(settings)
        , page_(std::move(page))
        , lifeline_(std::move(lifeline))
        , socket_(std::move(socket))
        , signals_(signals)
        , mourner_(*lifeline_) {}

    int run();

private:
    bool start_brain();
    void watch_brain();
    void check_pulse(bool on_time);
    void on_signal();
    void clean_up();
    std::optional<int> bury();

    const GuardSettings& settings_;
    contract::PageMapping page_;
    LifelineMapping lifeline_;
    netlink::BatchSocket socket_;
    int signals_;
    Mourner mourner_;
    bool mourning_{false};    ///< the mourner was told of the present brain
    bool pulse_ended_{false}; ///< and has seen its end
    netlink::Batch batch_{};
    pid_t brain_{-1};
    int pidfd_{-1};
    bool brain_ended_{false};
    bool ever_started_{false}; ///< a brain before this one
    bool stopping_{false};
    ha::Instant stop_by_{};
    std::uint64_t beats_seen_{0};
    unsigned still_checks_{0};
};

int Guard::run() {
    ha::Duration pause{};
    for (;;) {
        const ha::Instant born = now();
        if (!start_brain())
            return 1;
        watch_brain();
        clean_up();
        if (const auto status = bury())
            return *status;
        pause = now() - born >= healthy_life
                    ? ha::Duration::zero()
                    : std::clamp<ha::Duration>(pause * 2, std::chrono::milliseconds{50}, restart_pause_max);
        if (pause > ha::Duration::zero()) {
            pollfd waiting{signals_, POLLIN, 0};
            if (::poll(&waiting, 1, static_cast<int>(pause / std::chrono::milliseconds{1})) > 0)
                return 0; // asked to stop while there is no brain
        }
    }
}

bool Guard::start_brain() {
    std::vector<std::string> words = settings_.brain;
    words.push_back(std::to_string(lifeline_.descriptor()));
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);

    ever_started_ = ever_started_ || lifeline_->started.load() != 0;
    lifeline_->started.store(0);
    const pid_t self = ::getpid();
    brain_ = ::fork();
    if (brain_ < 0) {
        say(std::string{"cannot start the brain: "} + std::strerror(errno));
        return false;
    }
    if (brain_ == 0) {
        // A brain without a guard hands over and ends.
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != self)
            ::_exit(1);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::signal(SIGHUP, SIG_IGN); // until the service listens to it
        ::execv("/proc/self/exe", arguments.data());
        ::_exit(127);
    }
    pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, brain_, 0));
    if (pidfd_ < 0) {
        say(std::string{"cannot watch the brain: "} + std::strerror(errno));
        ::kill(brain_, SIGKILL);
        return false;
    }
    brain_ended_ = false;
    mourning_ = false;
    pulse_ended_ = false;
    mourner_.settle();
    still_checks_ = 0;
    beats_seen_ = lifeline_->beats.load();
    return true;
}

void Guard::watch_brain() {
    ha::Instant due = now() + check_interval;
    while (!brain_ended_) {
        pollfd waiting[] = {{pidfd_, POLLIN, 0}, {signals_, POLLIN, 0}, {mourner_.descriptor(), POLLIN, 0}};
        const ha::Duration rest = std::max(due - now(), ha::Duration::zero());
        const timespec patience{0, rest.count()};
        ::ppoll(waiting, 3, &patience, nullptr);
        if ((waiting[2].revents & POLLIN) != 0) {
            // The pulse has ended; the rest of the process will take its time. The peer knows already.
            mourner_.settle();
            pulse_ended_ = true;
            clean_up();
            hasten(brain_);
        }
        if ((waiting[0].revents & POLLIN) != 0) {
            brain_ended_ = true;
            return;
        }
        if ((waiting[1].revents & POLLIN) != 0)
            on_signal();
        const ha::Instant at = now();
        if (at < due)
            continue;
        if (!mourning_ && lifeline_->started.load() != 0) {
            mourning_ = true;
            mourner_.begin();
        }
        if (!pulse_ended_)
            check_pulse(at < due + check_interval);
        due = at + check_interval;
        if (stopping_ && at >= stop_by_) {
            say("the brain did not stop in time; ending it");
            ::kill(brain_, SIGKILL);
        }
    }
}

void Guard::check_pulse(bool on_time) {
    const std::uint64_t beats = lifeline_->beats.load(std::memory_order_relaxed);
    if (lifeline_->started.load() == 0 || beats != beats_seen_) {
        beats_seen_ = beats;
        still_checks_ = 0;
        return;
    }
    if (on_time)
        ++still_checks_;
    const auto interval = std::chrono::microseconds{lifeline_->interval_us.load()};
    const auto limit =
        std::max<std::int64_t>(stalled_checks_min, interval * stalled_checks_min / check_interval);
    if (still_checks_ < limit)
        return;
    still_checks_ = 0;
    say("the brain hangs; ending it and removing its addresses");
    // The addresses first: a process in an uninterruptible wait dies late.
    clean_up();
    ::kill(brain_, SIGKILL);
}

void Guard::on_signal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        ::kill(brain_, SIGHUP);
        return;
    }
    if (!stopping_) {
        stopping_ = true;
        stop_by_ = now() + stop_patience;
    }
    ::kill(brain_, SIGTERM);
}

/// Takes the grants back and the addresses away.
void Guard::clean_up() {
    for (contract::Grant& grant : page_->grants)
        grant.expires_ns.store(0);
    const std::uint32_t groups = std::min<std::uint32_t>(lifeline_->group_count.load(), contract::groups_max);
    for (std::uint32_t i = 0; i < groups; ++i) {
        if (!lifeline_->falls[i].read(batch_))
            continue;
        if (const int error = socket_.send(batch_); error != 0)
            say(std::string{"removing the addresses: "} + std::strerror(error));
    }
    for (contract::Grant& grant : page_->grants)
        grant.role.write({.epoch = 0, .standing = contract::Standing::none});
    page_->peer_present.store(0);
}

/// Reaps the brain. A status means that the guard ends as well.
std::optional<int> Guard::bury() {
    int status = 0;
    while (::waitpid(brain_, &status, 0) < 0 && errno == EINTR) {
    }
    ::close(std::exchange(pidfd_, -1));
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || stopping_))
        return WEXITSTATUS(status);
    if (WIFEXITED(status) && !ever_started_ && lifeline_->started.load() == 0)
        return 1; // the first one could not begin; it said why
    if (stopping_)
        return 1;
    say(WIFSIGNALED(status)
            ? std::string{"the brain was killed by signal "} + std::to_string(WTERMSIG(status)) +
                  "; its addresses are removed; starting a new one"
            : std::string{"the brain ended with status "} + std::to_string(WEXITSTATUS(status)) +
                  "; its addresses are removed; starting a new one");
    return std::nullopt;
}

} // namespace

int run_guard(const GuardSettings& settings) {
    sigset_t handled;
    ::sigemptyset(&handled);
    ::sigaddset(&handled, SIGTERM);
    ::sigaddset(&handled, SIGINT);
    ::sigaddset(&handled, SIGHUP);
    ::sigprocmask(SIG_BLOCK, &handled, nullptr);
    const int signals = ::signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC);
    auto page = contract::PageMapping::open(settings.run_dir);
    if (!page) {
        say(page.error());
        return 1;
    }
    auto lifeline = LifelineMapping::create();
    if (!lifeline) {
        say(lifeline.error());
        return 1;
    }
    auto socket = netlink::BatchSocket::open();
    if (!socket) {
        say(socket.error().what);
        return 1;
    }
    lock_memory();
    become_realtime(guard_priority); // the brain reports it when this is not possible
    return Guard{settings, std::move(*page), std::move(*lifeline), std::move(*socket), signals}.run();
}

} // namespace tandem::app
