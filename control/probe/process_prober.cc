// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/process_prober.hh"

#include "control/probe/process_scan.hh"
#include "control/watch/descriptor.hh"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tandem::probe {
namespace {

constexpr std::chrono::microseconds slice{500};
/// A look at everything has so many times its own time before the next one.
constexpr int rest = 10;

class ProcessProber : public Prober {
public:
    ProcessProber(boost::asio::io_context& io, Told told)
        : io_(io)
        , told_(std::move(told))
        , pause_(io) {}

    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override;
    void forget(CheckId check) override {
        held_.erase(check);
        const auto of_it = [check](const Question& question) { return question.check == check; };
        std::erase_if(waiting_, of_it);
        std::erase_if(looking_, of_it);
    }

private:
    struct Question {
        CheckId check;
        std::uint64_t number;
        std::string program;
    };
    struct Held {
        std::int32_t pid;
        watch::Descriptor descriptor; ///< readable once it has ended
    };
    /// False: there is no such process, or it has ended.
    bool hold(CheckId check, std::int32_t pid);
    bool lives(CheckId check);
    void tell(CheckId check, std::uint64_t number);
    void look();
    void step();
    void finish();

    boost::asio::io_context& io_;
    Told told_;
    std::unordered_map<CheckId, Held> held_;
    std::vector<Question> waiting_; ///< for the next look
    std::vector<Question> looking_; ///< the look that is under way is for them
    std::optional<ProcessScan> scan_;
    Instant began_{};
    bool resting_{false};
    boost::asio::steady_timer pause_;
    std::shared_ptr<int> life_{std::make_shared<int>()}; ///< what is posted may come later
};

bool ProcessProber::hold(CheckId check, std::int32_t pid) {
    watch::Descriptor fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd)
        return false;
    held_.insert_or_assign(check, Held{pid, std::move(fd)});
    return lives(check);
}

bool ProcessProber::lives(CheckId check) {
    const auto held = held_.find(check);
    if (held == held_.end())
        return false;
    // A process that has ended and was not waited for still has its number.
    pollfd ended{.fd = held->second.descriptor.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, 0) == 0)
        return true;
    held_.erase(held);
    return false;
}

/// What is known of it now.
void ProcessProber::tell(CheckId check, std::uint64_t number) {
    if (lives(check))
        told_(
            {check, number, Found::good, "runs as process " + std::to_string(held_.at(check).pid), moment()});
    else
        told_({check, number, Found::bad, "is not running", moment()});
}

std::optional<std::string> ProcessProber::ask(CheckId check, const config::CheckSettings& settings,
                                              std::uint64_t number) {
    const std::string& match = std::get<config::ProcessTarget>(settings.target).match;
    if (!lives(check)) {
        // The content decides whether it is a file that holds a number.
        const auto pid = watch::read_pid_file(beginning_of(match, 64));
        if (!pid && !match.ends_with(".pid")) {
            waiting_.push_back({check, number, match});
            look();
            return std::nullopt;
        }
        static_cast<void>(pid && hold(check, *pid));
    }
    tell(check, number);
    return std::nullopt;
}

void ProcessProber::look() {
    if (scan_ || resting_ || waiting_.empty())
        return;
    looking_ = std::exchange(waiting_, {});
    std::set<std::string> programs;
    for (const Question& question : looking_)
        programs.insert(question.program);
    began_ = moment();
    scan_.emplace(programs);
    step();
}

void ProcessProber::step() {
    boost::asio::post(io_, [this, life = std::weak_ptr<int>(life_)] {
        if (life.expired() || !scan_)
            return;
        if (scan_->step(slice))
            finish();
        else
            step();
    });
}

void ProcessProber::finish() {
    const Duration took = moment() - began_;
    resting_ = true;
    pause_.expires_after(std::chrono::nanoseconds{took * rest});
    pause_.async_wait([this, life = std::weak_ptr<int>(life_)](boost::system::error_code error) {
        if (error || life.expired())
            return;
        resting_ = false;
        look();
    });
    while (!looking_.empty()) { // being told, somebody may be forgotten
        const Question question = std::move(looking_.back());
        looking_.pop_back();
        if (const auto pid = scan_->found(question.program))
            static_cast<void>(hold(question.check, *pid));
        tell(question.check, question.number);
    }
    scan_.reset();
}

} // namespace

std::unique_ptr<Prober> make_process_prober(boost::asio::io_context& io, Prober::Told told) {
    return std::make_unique<ProcessProber>(io, std::move(told));
}

} // namespace tandem::probe
