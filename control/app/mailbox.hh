// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A bounded queue between two threads that also wakes the receiver.
//
// One sender thread, one receiver thread. Sending never blocks and never allocates; when the queue is full
// the message is refused and counted, and the sender decides what that means. The receiver waits on
// `descriptor()`.

#include "dataplane/contract/ring.hh"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace tandem::app {

template <typename T, std::size_t Capacity>
class Mailbox {
public:
    Mailbox()
        : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        if (fd_ < 0)
            std::abort(); // out of descriptors before anything began
    }
    ~Mailbox() { ::close(fd_); }
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    /// Sender. False when full.
    bool send(const T& message) noexcept {
        const bool taken = ring_.push(message);
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
        return taken;
    }

    /// Receiver. Call `settle` once after waking, then `receive` until it is false.
    void settle() noexcept {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
    }
    bool receive(T& message) noexcept { return ring_.pop(message); }
    int descriptor() const noexcept { return fd_; }
    std::uint64_t refused() const noexcept { return ring_.refused(); }

private:
    int fd_;
    contract::Ring<T, Capacity> ring_;
};

} // namespace tandem::app
