// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `network`: ICMP and ICMPv6 echo, through as few sockets as there are places to ask from (echo_socket.hh).

#include "control/probe/prober.hh"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace tandem::probe {

std::unique_ptr<Prober> make_network_prober(boost::asio::io_context& io, Prober::Told told);

} // namespace tandem::probe
