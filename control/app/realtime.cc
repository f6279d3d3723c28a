// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/realtime.hh"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>

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

std::optional<std::string> lock_memory() {
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        return std::string{"memory is not locked ("} + std::strerror(errno) +
               "): swapping may delay heartbeats; grant CAP_IPC_LOCK";
    return std::nullopt;
}

} // namespace tandem::app
