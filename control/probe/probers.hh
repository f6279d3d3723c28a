// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Which prober asks a target.

#include "control/probe/prober.hh"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace tandem::probe {

/// The one for all targets of this type. `io` outlives it.
std::unique_ptr<Prober> make_prober(boost::asio::io_context& io, const config::Target& target,
                                    Prober::Told told);

} // namespace tandem::probe
