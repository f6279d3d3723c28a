// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A SIP server of the tests: one UDP socket in the namespace in which it is made, served by the test's own
// thread.

#include "dataplane/wire/address.hh"
#include "tests/unit/netlink/world.hh"

#include <cstdint>
#include <functional>
#include <string>

namespace tandem::testing {

class Responder {
public:
    Responder(const wire::IpAddress& address, std::uint16_t port);

    /// Answers everything that waits; returns how many questions there were.
    std::size_t serve();
    /// Reads everything that waits and answers nothing.
    std::size_t swallow();

    /// Makes the answer out of the question; empty: none.
    std::function<std::string(const std::string&)> answer;

private:
    std::size_t read(bool answering);
    Descriptor fd_;
};

/// Waits until the wire carries packets both ways in both families: the kernel makes an interface work a
/// moment after it is told to.
void settle(const World& world);
/// Waits until this address is one of the node's own: the route of an IPv6 address follows it.
void settle(const wire::IpAddress& own);

/// What a server answers to this question (RFC 3261 section 8.2.6), with 200 OK.
std::string ok_to(const std::string& question);
/// The same, for another Call-ID.
std::string ok_to_somebody_else(const std::string& question);

} // namespace tandem::testing
