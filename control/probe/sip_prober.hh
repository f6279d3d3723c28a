// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Checks with the method `sip`: one request, one final response.
//
// A response is good or bad by its code; a refusal is bad at once. That a name server is silent says nothing
// about the target: it is told as what keeps the question from leaving.

#include "control/probe/prober.hh"
#include "control/resolve/resolver.hh"

#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>
#include <vector>

namespace tandem::probe {

std::unique_ptr<Prober> make_sip_prober(boost::asio::io_context& io, Prober::Told told);

/// Resolvers by the name servers that are asked; each is made when it is first needed.
class Resolvers {
public:
    explicit Resolvers(boost::asio::io_context& io)
        : io_(io) {}
    /// Empty: the name servers of the machine.
    resolve::Resolver& of(const std::vector<wire::IpAddress>& servers);

private:
    boost::asio::io_context& io_;
    std::map<std::vector<wire::IpAddress>, std::unique_ptr<resolve::Resolver>> resolvers_;
};

} // namespace tandem::probe
