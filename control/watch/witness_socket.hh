// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Asks the witnesses over the outside interface: ICMP and ICMPv6 echo (RFC 792, RFC 4443 section 4.1), and
// for one on the link that answers no echo, ARP (RFC 826) or neighbour solicitation (RFC 4861 section 7.2.2):
// a device with a strict filter still has to answer those.
//
// The kernel's neighbour table is no help: it believes in a neighbour for half a minute after its last word.
// Needs NET_RAW. Deliberately absent: when to ask, and what silence means.

#include "control/watch/descriptor.hh"

#include "dataplane/wire/address.hh"

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace tandem::watch {

class WitnessSocket {
public:
    struct Settings {
        int interface_index{0};
        std::string interface;
        wire::MacAddress own_mac;
        std::vector<wire::Prefix> own_addresses; ///< on the outside interface, without the VIPs
        std::vector<wire::IpAddress> witnesses;
        std::uint64_t token{0}; ///< unpredictable
    };
    static std::expected<WitnessSocket, std::string> open(Settings settings);

    /// One question to each witness. Never blocks.
    void ask() noexcept;
    /// Reads what has arrived, within a bound; whether a witness has answered one of the last questions.
    bool answered() noexcept;
    /// Readable when something arrived. At most three.
    std::vector<int> descriptors() const;

private:
    struct Witness {
        wire::IpAddress address;
        wire::IpAddress own; ///< ours on its link; family none: it is not on a link of ours
        bool echoed{true};   ///< answered the echo of this round
    };
    /// Questions of so many rounds ago still count: the network may be slower than a round.
    static constexpr std::uint16_t rounds_kept = 8;

    explicit WitnessSocket(Settings settings);
    std::string open_sockets();
    std::string open_arp();
    void echo(const Witness& witness) noexcept;
    void solicit(const Witness& witness) noexcept;
    bool read_echo4() noexcept;
    bool read_icmp6() noexcept;
    bool read_arp() noexcept;
    bool is_echo_reply(const wire::IpAddress& from, std::uint16_t identifier, std::uint16_t sequence,
                       std::span<const std::uint8_t> payload) noexcept;
    bool is_watched_neighbour(const wire::IpAddress& address) const noexcept;
    std::array<std::uint8_t, 16> echo_message(bool ipv6) const noexcept;

    Settings settings_;
    std::vector<Witness> witnesses_;
    Descriptor icmp4_;
    Descriptor icmp6_;
    Descriptor arp_;
    std::uint16_t sequence_{0};
};

} // namespace tandem::watch
