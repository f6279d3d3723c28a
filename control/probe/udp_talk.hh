// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `udp`: is a datagram answered?
//
// Each question leaves from a port of its own, so an answer cannot be taken for that of another one. That
// the port is closed (ICMP says so) is a bad answer, and so is another text than the one that is expected.

#include "control/probe/talk.hh"

namespace tandem::probe {

std::shared_ptr<Talk> make_udp_talk(boost::asio::io_context& io);

} // namespace tandem::probe
