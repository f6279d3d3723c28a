// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `process`: does a process run?
//
// Problem: to find a program means to look at every process of the machine, for which the loop has no time
// when there are many. Idea: once it is found it is held by a pidfd, and to ask whether it lives costs one
// system call. Only when it does not, all processes are looked at, a slice at a time, once for everybody who
// wants to know at that moment. What counts as the process is what the monitor of that name says
// (control/watch/process.hh).

#include "control/probe/prober.hh"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace tandem::probe {

std::unique_ptr<Prober> make_process_prober(boost::asio::io_context& io, Prober::Told told);

} // namespace tandem::probe
