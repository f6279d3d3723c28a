// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Wakes the main thread.

#include <sys/eventfd.h>
#include <unistd.h>

namespace tandem::dpdk {

class Bell {
public:
    Bell()
        : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
    ~Bell() { ::close(descriptor_); }
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    void ring() const noexcept { ::eventfd_write(descriptor_, 1); }
    /// After the descriptor became readable.
    void quiet() const noexcept {
        eventfd_t count = 0;
        ::eventfd_read(descriptor_, &count);
    }
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

} // namespace tandem::dpdk
