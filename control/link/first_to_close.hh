// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Lets the peer learn of a dead process at once.
//
// Problem: the end of a stream and a refused heartbeat prove that a process is dead, but only once the kernel
// has closed its sockets, and it closes them one after the other: each packet socket (AF_PACKET) among them
// waits until every processor has left what it read (synchronize_net), together some 25 ms. Idea: Linux
// closes what a dead process leaves behind beginning with the highest number, so what the peer waits for has
// high numbers. Nothing depends on it but the time. Deliberately absent: what a process closes itself.

#include <fcntl.h>
#include <unistd.h>

namespace tandem::link {

/// Above what a process has open otherwise, below the usual limit of 1,024.
inline constexpr int first_to_close_min = 768;

/// The same socket under a high number; `fd` is closed then. Where there is no such number left, `fd` itself.
inline int first_to_close(int fd) noexcept {
    const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, first_to_close_min);
    if (high < 0)
        return fd;
    ::close(fd);
    return high;
}

} // namespace tandem::link
