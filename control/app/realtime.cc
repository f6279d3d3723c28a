// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/realtime.hh"

#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace tandem::app {

std::optional<std::string> become_realtime(int priority) {
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    sched_param parameters{};
    parameters.sched_priority = priority;
    // A child must not inherit the priority: the brain runs scripts and libraries in other threads.
    if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) != 0)
        return std::string{"no real-time priority ("} + std::strerror(errno) +
               "): a busy machine may delay heartbeats and cause false takeovers; grant CAP_SYS_NICE";
    return std::nullopt;
}

void become_ordinary() {
    const sched_param parameters{};
    ::sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters); // never refused
}

ha::Duration thread_time() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

std::optional<std::string> lock_memory() {
    // The default of 8 MiB for each thread would be resident as well.
    constexpr std::size_t stack_size = 512UL * 1024;
    pthread_attr_t attributes;
    if (::pthread_attr_init(&attributes) == 0) {
        if (::pthread_attr_setstacksize(&attributes, stack_size) == 0)
            ::pthread_setattr_default_np(&attributes);
        ::pthread_attr_destroy(&attributes);
    }
    if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return std::string{"memory is not locked ("} + std::strerror(errno) +
               "): swapping may delay heartbeats; grant CAP_IPC_LOCK";
    return std::nullopt;
}

std::optional<std::string> disk_beneath(const std::string& file) {
    struct statfs system {};
    if (::statfs(file.c_str(), &system) != 0 || system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC)
        return std::nullopt;
    return file + " lies on a disk, not in memory: its write-back may delay heartbeats; give node.run_dir a "
                  "folder on a tmpfs, for example in /run";
}

} // namespace tandem::app
