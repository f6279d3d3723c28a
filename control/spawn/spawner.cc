// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/spawn/spawner.hh"

#include "control/spawn/birth.hh"
#include "control/watch/readable.hh"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace tandem::spawn {
namespace asio = boost::asio;
namespace {
using Clock = std::chrono::steady_clock;

/// A launcher that is still there so long after it should have ended everything is ended itself.
constexpr auto launcher_patience = std::chrono::seconds{5};
/// What is thrown away of a flood, at most: enough for a program that talks much, little for the loop.
constexpr auto flood_pause = std::chrono::milliseconds{20};
constexpr std::size_t chunk = 16UL * 1024;
/// A pipe holds no more.
constexpr std::size_t rest_max = 1UL << 20U;

std::string_view words_of(Ended::How how) {
    switch (how) {
    case Ended::How::exited:
        return "exit status";
    case Ended::How::signalled:
        return "ended by signal";
    case Ended::How::timed_out:
        return "timed out";
    case Ended::How::cancelled:
        return "cancelled";
    case Ended::How::not_started:
        return "not started";
    }
    return {};
}

} // namespace

std::string to_sentence(const Ended& ended) {
    std::string out{words_of(ended.how)};
    if (ended.how == Ended::How::exited || ended.how == Ended::How::signalled)
        out += " " + std::to_string(ended.status);
    return ended.trouble.empty() ? out : out + ": " + ended.trouble;
}

struct Spawner::Impl : std::enable_shared_from_this<Impl> {
    struct Job {
        Job(asio::io_context& io, Order what, std::function<void(Ended)> whom)
            : order{std::move(what)}
            , told{std::move(whom)}
            , timer{io}
            , pause{io}
            , output{io} {}
        Order order;
        std::function<void(Ended)> told;
        Ended ended;
        std::optional<Ended::How> ending; ///< why it is being ended
        bool running{false};              ///< the launcher is there
        Clock::time_point began{};
        watch::Descriptor process;
        watch::Descriptor report;
        asio::steady_timer timer;
        asio::steady_timer pause;
        asio::posix::stream_descriptor output;
        std::optional<watch::Readable> end; ///< ends before the descriptor
    };

    Impl(asio::io_context& loop, Settings given)
        : io{loop}
        , settings{std::move(given)} {}

    void begin_next();
    void on_born(JobId id, Born born);
    void read_output(JobId id);
    void take(Job& job, std::string_view text) const;
    void end(Job& job, Ended::How why) const;
    void on_end(JobId id);
    void finish(JobId id);

    asio::io_context& io;
    Settings settings;
    JobId next{1};
    std::map<JobId, std::unique_ptr<Job>> jobs; ///< started or starting
    std::deque<std::pair<JobId, std::unique_ptr<Job>>> queue;
    asio::thread_pool thread{1}; ///< last: what it does uses the rest
};

Spawner::Spawner(asio::io_context& io, Settings settings)
    : impl_(std::make_shared<Impl>(io, std::move(settings))) {}

Spawner::~Spawner() {
    impl_->thread.join();
    for (auto& [id, job] : impl_->jobs)
        if (job->running)
            ::syscall(SYS_pidfd_send_signal, job->process.get(), SIGTERM, nullptr, 0U);
    impl_->jobs.clear();
    impl_->queue.clear();
}

std::size_t Spawner::running() const {
    return impl_->jobs.size();
}

std::size_t Spawner::waiting() const {
    return impl_->queue.size();
}

JobId Spawner::start(Order order, std::function<void(Ended)> told) {
    const JobId id = impl_->next++;
    if (impl_->queue.size() >= impl_->settings.waiting_max) {
        Ended ended;
        ended.trouble = "too many programs are waiting to be run";
        asio::post(impl_->io, [told = std::move(told), ended] { told(ended); });
        return id;
    }
    impl_->queue.emplace_back(id, std::make_unique<Impl::Job>(impl_->io, std::move(order), std::move(told)));
    impl_->begin_next();
    return id;
}

void Spawner::cancel(JobId id) {
    const auto waits = std::ranges::find(impl_->queue, id, [](const auto& each) { return each.first; });
    if (waits != impl_->queue.end()) {
        Ended ended;
        ended.how = Ended::How::cancelled;
        asio::post(impl_->io, [told = std::move(waits->second->told), ended] { told(ended); });
        impl_->queue.erase(waits);
        return;
    }
    if (const auto found = impl_->jobs.find(id); found != impl_->jobs.end())
        impl_->end(*found->second, Ended::How::cancelled);
}

void Spawner::Impl::begin_next() {
    while (!queue.empty() && jobs.size() < settings.running_max) {
        const JobId id = queue.front().first;
        Job& job = *jobs.emplace(id, std::move(queue.front().second)).first->second;
        queue.pop_front();
        job.began = Clock::now();
        asio::post(thread, [self = weak_from_this(), loop = &io, work = asio::make_work_guard(io), id,
                            given = settings, order = job.order] {
            auto born = std::make_shared<Born>(give_birth(given, order));
            asio::post(*loop, [self, id, born] {
                if (const auto impl = self.lock())
                    impl->on_born(id, std::move(*born));
            });
        });
    }
}

void Spawner::Impl::on_born(JobId id, Born born) {
    const auto found = jobs.find(id);
    if (found == jobs.end())
        return;
    Job& job = *found->second;
    if (!born.trouble.empty()) {
        job.ended.trouble = std::move(born.trouble);
        if (job.ending)
            job.ended.how = *job.ending;
        return finish(id);
    }
    job.running = true;
    job.process = std::move(born.process);
    job.report = std::move(born.report);
    boost::system::error_code error;
    watch::Descriptor none;
    std::swap(none, born.output);
    job.output.assign(::dup(none.get()), error);
    const auto self = weak_from_this();
    job.end.emplace(io, job.process.get(), [self, id] {
        if (const auto impl = self.lock())
            impl->on_end(id);
    });
    read_output(id);
    if (job.ending)
        return end(job, *job.ending);
    job.timer.expires_at(job.began + job.order.timeout);
    job.timer.async_wait([self, id](boost::system::error_code failed) {
        const auto impl = self.lock();
        if (failed || !impl)
            return;
        if (const auto late = impl->jobs.find(id); late != impl->jobs.end())
            impl->end(*late->second, Ended::How::timed_out);
    });
}

/// One piece at a time: a program that floods us gets a small share of the loop, not all of it.
void Spawner::Impl::read_output(JobId id) {
    const auto found = jobs.find(id);
    if (found == jobs.end() || !found->second->output.is_open())
        return;
    Job& job = *found->second;
    const auto self = weak_from_this();
    const auto again = [self, id](boost::system::error_code error) {
        const auto impl = self.lock();
        if (error || !impl)
            return;
        const auto still = impl->jobs.find(id);
        if (still == impl->jobs.end())
            return;
        std::array<char, chunk> piece{};
        const auto count = ::read(still->second->output.native_handle(), piece.data(), piece.size());
        if (count == 0)
            return; // its end: what is left to come is the launcher's
        if (count > 0)
            impl->take(*still->second, {piece.data(), static_cast<std::size_t>(count)});
        impl->read_output(id);
    };
    if (!job.ended.output_cut)
        return job.output.async_wait(asio::posix::stream_descriptor::wait_read, again);
    job.pause.expires_after(flood_pause);
    job.pause.async_wait([self, id, again](boost::system::error_code error) {
        const auto impl = self.lock();
        if (error || !impl)
            return;
        if (const auto still = impl->jobs.find(id); still != impl->jobs.end())
            still->second->output.async_wait(asio::posix::stream_descriptor::wait_read, again);
    });
}

void Spawner::Impl::take(Job& job, std::string_view text) const {
    const std::size_t room = job.order.output_max - job.ended.output.size();
    job.ended.output += text.substr(0, room);
    job.ended.output_cut = job.ended.output_cut || text.size() > room;
}

/// The launcher is asked to end what it started, and itself; a launcher that does not is ended.
void Spawner::Impl::end(Job& job, Ended::How why) const {
    if (!job.ending)
        job.ending = why;
    if (!job.running)
        return; // once it is there
    ::syscall(SYS_pidfd_send_signal, job.process.get(), SIGTERM, nullptr, 0U);
    job.timer.expires_after(settings.grace + launcher_patience);
    job.timer.async_wait([&job](boost::system::error_code error) {
        if (!error)
            ::syscall(SYS_pidfd_send_signal, job.process.get(), SIGKILL, nullptr, 0U);
    });
}

void Spawner::Impl::on_end(JobId id) {
    const auto found = jobs.find(id);
    if (found == jobs.end())
        return;
    Job& job = *found->second;
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(job.process.get()), &info, WEXITED | WNOHANG) == 0 &&
        info.si_pid == 0)
        return;
    std::array<char, chunk> piece{};
    for (std::size_t all = 0; all < rest_max && job.output.is_open();) {
        const auto count = ::read(job.output.native_handle(), piece.data(), piece.size());
        if (count <= 0)
            break;
        all += static_cast<std::size_t>(count);
        take(job, {piece.data(), static_cast<std::size_t>(count)});
    }
    const auto length = ::read(job.report.get(), piece.data(), piece.size());
    std::string_view line{piece.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
    line = line.substr(0, line.find('\n'));
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(word.size() + 1, line.size()));
    std::from_chars(line.data(), line.data() + line.size(), job.ended.status);
    if (word == "exited")
        job.ended.how = Ended::How::exited;
    else if (word == "signalled")
        job.ended.how = Ended::How::signalled;
    else
        job.ended.trouble = word == "refused" ? std::string{line} : "the launcher ended early";
    if (job.ending) {
        job.ended.how = *job.ending;
        job.ended.status = 0;
    }
    finish(id);
}

void Spawner::Impl::finish(JobId id) {
    const auto job = std::move(jobs.extract(id).mapped());
    job->end.reset();
    job->timer.cancel();
    job->ended.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - job->began);
    asio::post(io, [told = std::move(job->told), ended = std::move(job->ended)] { told(ended); });
    begin_next();
}

std::string find_launcher() {
    std::array<char, 4096> self{};
    const auto length = ::readlink("/proc/self/exe", self.data(), self.size());
    const std::string path{self.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
    const std::string folder = path.substr(0, path.rfind('/'));
    for (const char* place : {"/tandem-run", "/../lib/tandem/tandem-run"})
        if (::access((folder + place).c_str(), X_OK) == 0)
            return folder + place;
    return {};
}

} // namespace tandem::spawn
