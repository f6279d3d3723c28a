// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Names become servers without anybody waiting.
//
// Problem: the loop that asks also serves everybody else, and a name server may never answer. Idea: c-ares
// writes and repeats the questions; the loop watches its descriptors and its time. Whoever asks the same
// thing shares one question. What is known but has expired is the answer as soon as the name server is slow
// or has just failed, and the question goes on behind it. Nothing reads a file after the construction.
// Deliberately absent: /etc/hosts, search domains, host names without DNS, DNSSEC.

#include "control/resolve/cache.hh"
#include "control/resolve/locate.hh"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::resolve {

struct NameServer {
    wire::IpAddress address;
    std::uint16_t port{53};
    bool operator==(const NameServer&) const = default;
};

struct ResolverSettings {
    std::vector<NameServer> servers;                       ///< empty: those of /etc/resolv.conf
    ha::Duration timeout{std::chrono::seconds{1}};         ///< of the first try; the second has twice as long
    unsigned tries{2};                                     ///< of each server
    ha::Duration patience{std::chrono::milliseconds{100}}; ///< then what has expired is the answer
    ha::Duration pause{std::chrono::seconds{2}}; ///< after a failure the question is not repeated so long
    std::size_t questions_max{256};              ///< on their way at once
    CacheBounds cache;
};

enum class Knowledge : std::uint8_t {
    sure,    ///< what the name servers say now, or what needed no question
    expired, ///< what they said once
    none,    ///< nobody could say
};

/// The servers of a URI.
struct Located {
    std::vector<Server> servers;
    Knowledge knowledge{Knowledge::sure};
    std::string detail; ///< a sentence about what is missing or old; empty: all is well
};

class Resolver {
public:
    /// Reads /etc/resolv.conf when no servers are given.
    Resolver(boost::asio::io_context& io, const ResolverSettings& settings);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    using Done = std::function<void(const Located&)>;
    /// `done` is called once, perhaps before this returns; not after the end of this object, which it must
    /// not bring about.
    void locate(const Wanted& wanted, std::uint64_t seed, Done done);

    /// New servers and times; questions that are on their way fail, what is known stays.
    void reconfigure(const ResolverSettings& settings);
    /// Questions that are on their way.
    std::size_t outstanding() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// The name servers that a file in the form of resolv.conf(5) names, at most 3.
std::vector<NameServer> name_servers_of(const std::string& text);

} // namespace tandem::resolve
