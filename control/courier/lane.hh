// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A thread that carries transfers: some at once, some that wait, no more.
//
// The thread is an ordinary one whatever the thread is that makes it, and takes no signals; those that
// libcurl makes for names are like it. A name server that is silent keeps such a thread for as long as the
// resolver is patient, past the transfer's end; where many are kept, transfers wait. Deliberately absent:
// what a transfer is.

#include "control/courier/transfer.hh"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace tandem::courier {

class Lane {
public:
    struct Limits {
        std::size_t running;
        std::size_t waiting;
    };
    /// `done` is called on the lane's thread, once for each transfer that was not cancelled. Throws
    /// std::system_error when there is no thread to be had, std::bad_alloc likewise.
    Lane(const char* name, Limits limits, std::function<void(TransferId, Outcome)> done);
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    ~Lane();

    /// From any thread. What cannot be taken comes back as done.
    void add(std::shared_ptr<Transfer> transfer);
    /// False: there is none of that number.
    bool cancel(TransferId id);

private:
    void run(const char* name);
    void take_orders();
    void begin_some();
    void begin(const std::shared_ptr<Transfer>& transfer);
    void end_some();
    void drop_cancelled();
    void expire_waiting();
    int patience() const;
    bool names_are_stuck();

    Limits limits_;
    std::function<void(TransferId, Outcome)> done_;
    CURLM* multi_{nullptr};

    std::mutex mutex_; ///< of what follows
    std::deque<std::shared_ptr<Transfer>> arrived_;
    std::vector<std::shared_ptr<Transfer>> all_; ///< until they are done
    bool stopping_{false};

    // the thread's own
    std::deque<std::shared_ptr<Transfer>> waiting_;
    std::vector<std::shared_ptr<Transfer>> running_;
    std::deque<Clock::time_point> stuck_; ///< when look-ups were left to themselves

    std::thread thread_;
};

} // namespace tandem::courier
