// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `arp`, `nd`: does a neighbour on a network answer for its address (RFC 826, RFC 4861)?
//
// Problem: the kernel's own table is asked seldom and believes for long. Idea: questions and answers go
// through a packet socket of our own, one for each interface and family, whose filter passes nothing but
// answers. The kernel's table is neither read nor changed by us. An answer carries no number: it belongs to
// the newest question. Needs NET_RAW.

#include "control/probe/prober.hh"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace tandem::probe {

std::unique_ptr<Prober> make_neighbour_prober(boost::asio::io_context& io, Prober::Told told);

} // namespace tandem::probe
