// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The memory between guard and brain: what the guard needs to act for a dead brain.
//
// Problem: when the brain is gone, its addresses must go too, at once, by a process that shares none of its
// state. Idea: the brain leaves the ready-made netlink bytes of every group's fall here and counts its turns.
// The guard only watches the count and, at the end, sends the bytes. Deliberately absent: pointers, and
// anything that the guard would have to interpret.

#include "dataplane/contract/guarded.hh"
#include "dataplane/contract/limits.hh"
#include "netlink/kernel.hh"

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <string>

namespace tandem::app {

struct Lifeline {
    /// Held by the pulse thread for its whole life. When the thread ends, however it ends, the kernel hands
    /// the mutex to the guard that waits for it (robust, process-shared), long before the process has let go
    /// of its memory and sockets and its pidfd becomes readable: the network stack may take tens of
    /// milliseconds for these.
    pthread_mutex_t alive{};
    std::atomic<std::uint64_t> beats{0};   ///< grows with every turn of the pulse thread
    std::atomic<std::uint32_t> started{0}; ///< 1: the brain's threads run
    std::atomic<std::uint32_t> group_count{0};
    std::atomic<std::uint64_t> interval_us{0};
    std::array<contract::Guarded<netlink::Batch>, contract::groups_max>
        falls; ///< harmless where nothing is held
    /// What the last life of the brain knew when it ended, for the next one.
    std::atomic<std::uint32_t> was_active_alone{0}; ///< bit per group: active while the peer was not heard
};

/// A mapping of the lifeline, in an anonymous file that is inherited by the brain.
class LifelineMapping {
public:
    static std::expected<LifelineMapping, std::string> create();
    /// Maps the one that the guard left on descriptor `fd`.
    static std::expected<LifelineMapping, std::string> inherit(int fd);
    LifelineMapping(LifelineMapping&& other) noexcept;
    LifelineMapping& operator=(LifelineMapping&&) = delete;
    ~LifelineMapping();
    Lifeline* operator->() const { return lifeline_; }
    Lifeline& operator*() const { return *lifeline_; }
    int descriptor() const { return fd_; }

private:
    LifelineMapping(int fd, Lifeline* lifeline)
        : fd_(fd)
        , lifeline_(lifeline) {}
    int fd_{-1};
    Lifeline* lifeline_{nullptr};
};

} // namespace tandem::app
