// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `tls`: does a handshake succeed, and how long is the certificate valid?
//
// Problem: a certificate that ends takes a service down on a day that was known for a year. Idea: the
// handshake itself never fails because of the certificate; afterwards it is judged here, so that the sentence
// names what is wrong: it has ended, it is not trusted, it ends in so many days. Nothing is sent through the
// connection. Deliberately absent: revocation, client certificates, STARTTLS.

#include "control/probe/talk.hh"

#include <functional>

namespace tandem::probe {

/// Makes talks that share what they trust.
std::function<std::shared_ptr<Talk>()> tls_talks(boost::asio::io_context& io);

} // namespace tandem::probe
