// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `script`: a program of the operator's ends with status 0.
//
// A run has nine tenths of the check's timeout, so that its failure to end is itself an answer in time; what
// it started is ended with it. While a run has not ended there is no second one: that question does not
// leave. Few run at once, the others wait for them (control/spawn).

#include "control/probe/prober.hh"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace tandem::probe {

/// `launcher`: see spawn::find_launcher().
std::unique_ptr<Prober> make_script_prober(boost::asio::io_context& io, Prober::Told told,
                                           std::string launcher);

} // namespace tandem::probe
