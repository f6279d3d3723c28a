// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/courier/lane.hh"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <csignal>
#include <new>
#include <utility>

namespace tandem::courier {
namespace {

/// So many threads may be kept by silent name servers, each for so long at most.
constexpr std::size_t stuck_max = 32;
constexpr auto stuck_for = std::chrono::seconds{60};
constexpr auto idle = std::chrono::milliseconds{60'000};

void become_ordinary(const char* name) {
    sched_param parameters{};
    ::sched_setscheduler(0, SCHED_OTHER, &parameters);
    ::pthread_setname_np(::pthread_self(), name);
}

} // namespace

Lane::Lane(const char* name, Limits limits, std::function<void(TransferId, Outcome)> done)
    : limits_(limits)
    , done_(std::move(done))
    , multi_(curl_multi_init()) {
    if (multi_ == nullptr)
        throw std::bad_alloc{};
    // Whatever thread this is, signals are not for the new one, nor for those that it makes.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        thread_ = std::thread{[this, name] { run(name); }};
    } catch (...) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        curl_multi_cleanup(multi_);
        throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Lane::~Lane() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        for (const auto& transfer : all_)
            transfer->abandon();
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
}

void Lane::add(std::shared_ptr<Transfer> transfer) {
    {
        const std::lock_guard lock{mutex_};
        if (all_.size() < limits_.running + limits_.waiting) {
            all_.push_back(transfer);
            arrived_.push_back(std::move(transfer));
        }
    }
    if (transfer)
        done_(transfer->id(), transfer->failed("too many transfers are waiting already"));
    else
        curl_multi_wakeup(multi_);
}

bool Lane::cancel(TransferId id) {
    {
        const std::lock_guard lock{mutex_};
        const auto found = std::ranges::find(all_, id, &Transfer::id);
        if (found == all_.end())
            return false;
        (*found)->abandon();
    }
    curl_multi_wakeup(multi_);
    return true;
}

void Lane::run(const char* name) {
    become_ordinary(name);
    for (;;) {
        take_orders();
        {
            const std::lock_guard lock{mutex_};
            if (stopping_)
                break;
        }
        drop_cancelled();
        expire_waiting();
        begin_some();
        int busy = 0;
        curl_multi_perform(multi_, &busy);
        end_some();
        curl_multi_poll(multi_, nullptr, 0, patience(), nullptr);
    }
    for (const auto& transfer : running_)
        curl_multi_remove_handle(multi_, transfer->handle());
    running_.clear();
    waiting_.clear();
    const std::lock_guard lock{mutex_};
    all_.clear();
}

void Lane::take_orders() {
    const std::lock_guard lock{mutex_};
    std::ranges::move(arrived_, std::back_inserter(waiting_));
    arrived_.clear();
}

/// Whether too many look-ups hang already for another name.
bool Lane::names_are_stuck() {
    while (!stuck_.empty() && stuck_.front() + stuck_for < Clock::now())
        stuck_.pop_front();
    return stuck_.size() >= stuck_max;
}

void Lane::begin_some() {
    while (running_.size() < limits_.running && !waiting_.empty() && !names_are_stuck()) {
        const auto transfer = std::move(waiting_.front());
        waiting_.pop_front();
        begin(transfer);
    }
}

void Lane::begin(const std::shared_ptr<Transfer>& transfer) {
    std::string trouble = transfer->prepare();
    if (trouble.empty() && curl_multi_add_handle(multi_, transfer->handle()) != CURLM_OK)
        trouble = "libcurl does not take it";
    if (trouble.empty()) {
        running_.push_back(transfer);
        return;
    }
    {
        const std::lock_guard lock{mutex_};
        std::erase(all_, transfer);
    }
    done_(transfer->id(), transfer->failed(std::move(trouble)));
}

void Lane::end_some() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL* easy = message->easy_handle;
        const CURLcode code = message->data.result; // gone with the next call
        const auto found = std::ranges::find(running_, easy, &Transfer::handle);
        if (found == running_.end())
            continue;
        const auto transfer = *found;
        running_.erase(found);
        const Transfer::Next next = transfer->ended(code);
        curl_multi_remove_handle(multi_, easy);
        if (transfer->lookup_abandoned())
            stuck_.push_back(Clock::now());
        if (next == Transfer::Next::another && !transfer->abandoned()) {
            begin(transfer);
            continue;
        }
        {
            const std::lock_guard lock{mutex_};
            std::erase(all_, transfer);
        }
        if (!transfer->abandoned())
            done_(transfer->id(), transfer->take());
    }
}

void Lane::drop_cancelled() {
    std::vector<std::shared_ptr<Transfer>> gone;
    for (const auto& transfer : running_)
        if (transfer->abandoned()) {
            transfer->ended(CURLE_ABORTED_BY_CALLBACK);
            curl_multi_remove_handle(multi_, transfer->handle());
            if (transfer->lookup_abandoned())
                stuck_.push_back(Clock::now());
            gone.push_back(transfer);
        }
    for (const auto& transfer : waiting_)
        if (transfer->abandoned())
            gone.push_back(transfer);
    const auto is_gone = [](const auto& transfer) { return transfer->abandoned(); };
    std::erase_if(running_, is_gone);
    std::erase_if(waiting_, is_gone);
    const std::lock_guard lock{mutex_};
    for (const auto& transfer : gone)
        std::erase(all_, transfer);
}

/// Its deadline counts from when it was handed over.
void Lane::expire_waiting() {
    const auto now = Clock::now();
    std::vector<std::shared_ptr<Transfer>> late;
    std::erase_if(waiting_, [&](const auto& transfer) {
        if (now < transfer->deadline())
            return false;
        late.push_back(transfer);
        return true;
    });
    for (const auto& transfer : late) {
        {
            const std::lock_guard lock{mutex_};
            std::erase(all_, transfer);
        }
        done_(transfer->id(), transfer->failed("its turn did not come in time"));
    }
}

int Lane::patience() const {
    auto until = Clock::now() + idle;
    for (const auto& transfer : waiting_)
        until = std::min(until, transfer->deadline());
    if (!waiting_.empty() && running_.size() < limits_.running && !stuck_.empty())
        until = std::min(until, stuck_.front() + stuck_for);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, idle.count()));
}

} // namespace tandem::courier
