// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `tcp`: is a connection accepted? And, where texts are given: what is answered?
//
// A refused connection is a bad answer, and so is another text than the one that is expected. Whatever the
// target sends, no more than the first few thousand octets of it are read.

#include "control/probe/talk.hh"

namespace tandem::probe {

std::shared_ptr<Talk> make_tcp_talk(boost::asio::io_context& io);

/// What a target has done when a connection to it ended with this error, as a part of a sentence; empty: the
/// error says nothing about the target.
std::string words_for(const boost::system::error_code& error);

} // namespace tandem::probe
