// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Checks with the method `registration`: a run of a synthetic account (sip_account.hh) for each question.
//
// Each run has a socket or connection of its own, since it is called there. The password is read from its
// file or variable at each run, so that it can be changed. A run that is given up takes back what it can.

#include "control/probe/prober.hh"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace tandem::probe {

std::unique_ptr<Prober> make_registration_prober(boost::asio::io_context& io, Prober::Told told);

} // namespace tandem::probe
