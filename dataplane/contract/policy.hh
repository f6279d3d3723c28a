// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the brain tells the fast path about its work. Replaced whole; read once per burst.

#include "dataplane/contract/limits.hh"
#include "dataplane/contract/pattern.hh"
#include "dataplane/wire/address.hh"

#include <array>
#include <cstdint>
#include <type_traits>

namespace tandem::contract {

/// Who stands between the phones and the SIP server.
enum class Forwarding : std::uint8_t {
    host,        ///< nobody: the server runs on this node (netfilter queue)
    transparent, ///< this node, by MAC addresses: the server has the VIP as an address
    nat,         ///< this node, by one address for another: the server has its own
};

/// One virtual address and the group it belongs to.
struct Vip {
    wire::IpAddress address;
    /// Where the server is, on the inside network: its MAC address is looked up by this one, and with
    /// Forwarding::nat it takes the place of the VIP. Of no family in host mode.
    wire::IpAddress server;
    std::uint8_t group{0};
    std::uint8_t unused[3]{};
};

enum class Mirroring : std::uint8_t { off, on };

struct GroupPolicy {
    RequestPattern pattern;
    Mirroring mirroring{Mirroring::off};
    Forwarding forwarding{Forwarding::host};
    std::uint8_t sip_port_count{0};
    std::array<std::uint16_t, sip_ports_max> sip_ports{};
    /// The interface on which the group's VIPs are served, NUL-terminated.
    std::array<char, interface_name_max> outside_interface{};
};

/// Where mirrored packets go on one HA path.
struct MirrorEndpoint {
    wire::IpAddress local;
    wire::IpAddress peer;
};

struct Policy {
    std::uint8_t vip_count{0};
    std::uint8_t group_count{0};
    std::uint8_t path_count{0};
    std::uint16_t mirror_port{0};
    std::uint16_t queue{0};
    std::array<Vip, vips_max> vips{};
    std::array<GroupPolicy, groups_max> groups{};
    std::array<MirrorEndpoint, paths_max> paths{};
    /// The TUN interface behind which the shadow server lives, NUL-terminated.
    std::array<char, interface_name_max> shadow_interface{};
};
static_assert(std::is_trivially_copyable_v<Policy>);

/// Keys of the mirror channel of one HA path, as exported from its TLS session.
struct DatagramKey {
    std::array<std::uint8_t, 16> key{}; ///< AES-128-GCM
    std::array<std::uint8_t, 12> iv{};  ///< exclusive-or of the sequence number into the last 8 octets
};

struct MirrorKeys {
    std::uint32_t association{0}; ///< stands in the header of each datagram; 0: none yet
    DatagramKey transmit;
    DatagramKey receive;
};

/// The current keys and those before them: datagrams of the former are still accepted.
struct MirrorLink {
    MirrorKeys current;
    MirrorKeys previous;
};
static_assert(std::is_trivially_copyable_v<MirrorLink>);

} // namespace tandem::contract
