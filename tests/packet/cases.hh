// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The packet suite's table: what arrives, what the node is, what must happen. One table for every engine.

#include "dataplane/contract/counters.hh"
#include "dataplane/contract/page.hh"
#include "dataplane/path/decide.hh"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace packet_suite {

struct Case {
    std::string_view line; ///< one line of description
    tandem::path::Stance stance;
    std::string_view destination;
    std::uint16_t port;
    std::string payload;
    tandem::path::Action action; ///< what becomes of it in the end: forward, drop or redirect
    tandem::path::Copy copy;
    tandem::contract::Counter counter; ///< the one that tells the outcome
    /// Does host mode's rule lead it into the queue at all? If not, its counter stays.
    enum class Queued { yes, no } queued{Queued::yes};
};

const std::vector<Case>& cases();

inline constexpr std::string_view vip = "10.9.0.100";
inline constexpr std::string_view vip6 = "fd00:9::100";
inline constexpr std::string_view node_address = "10.9.0.2";
inline constexpr std::string_view phone = "10.9.0.7";
inline constexpr std::string_view phone6 = "fd00:9::7";
inline constexpr std::uint16_t mirror_port = 7801;

tandem::wire::IpAddress address(std::string_view text);
/// A well-formed request, padded with a header field to at least `size` octets.
std::string request(std::string_view method, std::size_t size = 0);
/// A UDP packet from the phone, as it appears on the wire.
std::vector<std::uint8_t> packet_of(std::string_view payload, std::string_view destination,
                                    std::uint16_t port);

/// Two VIPs on `interface`, ports 5060 and 5062, pattern REGISTER|INVITE, one HA path over loopback.
tandem::contract::Policy policy(std::string_view interface, std::uint16_t queue);
/// Makes the group what the case wants. A lapsed lease ended long ago, any other ends in an hour.
void set_stance(tandem::contract::Page& page, tandem::path::Stance stance, std::int64_t now_ns);

} // namespace packet_suite
