// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/crew.hh"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tandem::sim {
namespace {

constexpr std::size_t jobs_max = 256;
constexpr std::size_t crashes_max = 16;

/// Between the processes.
struct Board {
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> events{0};
    std::atomic<std::uint64_t> takeovers{0};
    std::atomic<std::uint64_t> answered{0};
    std::atomic<std::uint64_t> hash{0};
    std::array<std::atomic<std::uint64_t>, jobs_max> at{}; ///< the seed at which each worker is
};

void work(const Options& options, Board& board, std::size_t worker, int pipe) {
    for (;;) {
        const std::uint64_t seed = board.next++;
        if (seed >= options.first + options.seeds)
            return;
        board.at[worker] = seed;
        const Outcome outcome = run(seed, options, Telling::nothing);
        board.events += outcome.events;
        board.takeovers += outcome.takeovers;
        board.answered += outcome.answered;
        board.hash += outcome.hash;
        ++board.done;
        if (!outcome.violation)
            continue;
        Finding finding;
        finding.seed = seed;
        finding.found = outcome.violation->promise == Promise::safety ? Found::safety : Found::liveness;
        outcome.violation->checker.copy(finding.checker.data(), finding.checker.size() - 1);
        if (::write(pipe, &finding, sizeof(finding)) != sizeof(finding))
            std::abort();
    }
}

class Crew {
public:
    explicit Crew(const Options& options)
        : options_(options) {
        void* memory =
            ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED || ::pipe(pipe_.data()) != 0) {
            std::perror("sim");
            std::exit(1);
        }
        board_ = new (memory) Board;
        board_->next = options.first;
        const std::size_t jobs = std::clamp<std::size_t>(options.jobs, 1, jobs_max);
        for (std::size_t i = 0; i < jobs; ++i)
            start(i);
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    ~Crew() {
        ::close(pipe_[0]);
        ::close(pipe_[1]);
        ::munmap(board_, sizeof(Board));
    }

    Tally result() {
        pollfd waiting{pipe_[0], POLLIN, 0};
        while (running_ > 0) {
            if (::poll(&waiting, 1, 200) > 0)
                take();
            reap();
            progress();
        }
        while (::poll(&waiting, 1, 0) > 0)
            take();
        if (shown_)
            std::fputc('\n', stderr);
        tally_.seeds = options_.seeds;
        tally_.events = board_->events;
        tally_.takeovers = board_->takeovers;
        tally_.answered = board_->answered;
        tally_.hash = board_->hash;
        std::sort(tally_.findings.begin(), tally_.findings.end(),
                  [](const Finding& a, const Finding& b) { return a.seed < b.seed; });
        return std::move(tally_);
    }

private:
    void start(std::size_t worker) {
        std::fflush(nullptr);
        const pid_t pid = ::fork();
        if (pid == 0) {
            work(options_, *board_, worker, pipe_[1]);
            ::_exit(0);
        }
        if (pid < 0) {
            std::perror("sim: fork");
            std::exit(1);
        }
        workers_.resize(std::max(workers_.size(), worker + 1));
        workers_[worker] = pid;
        ++running_;
    }

    void take() {
        Finding finding;
        if (::read(pipe_[0], &finding, sizeof(finding)) == sizeof(finding))
            tally_.findings.push_back(finding);
    }

    void reap() {
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            int status = 0;
            if (workers_[i] == 0 || ::waitpid(workers_[i], &status, WNOHANG) != workers_[i])
                continue;
            workers_[i] = 0;
            --running_;
            if (status == 0)
                continue;
            tally_.findings.push_back({board_->at[i], Found::crash, {"invariant"}});
            if (++crashes_ < crashes_max)
                start(i);
        }
    }

    void progress() {
        using std::chrono::steady_clock;
        const auto now = steady_clock::now();
        if (::isatty(STDERR_FILENO) == 0 || now - told_ < std::chrono::seconds{2})
            return;
        told_ = now;
        shown_ = true;
        std::fprintf(stderr, "\r%llu of %llu seeds, %zu violations ",
                     static_cast<unsigned long long>(board_->done),
                     static_cast<unsigned long long>(options_.seeds), tally_.findings.size());
    }

    const Options& options_;
    Board* board_{nullptr};
    std::array<int, 2> pipe_{};
    std::vector<pid_t> workers_;
    std::size_t running_{0};
    std::size_t crashes_{0};
    Tally tally_;
    std::chrono::steady_clock::time_point told_{std::chrono::steady_clock::now()};
    bool shown_{false};
};

} // namespace

Tally run_all(const Options& options) {
    return Crew{options}.result();
}

} // namespace tandem::sim
