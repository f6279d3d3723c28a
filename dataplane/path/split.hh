// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A packet that is larger than the way ahead of it: in pieces, or sent back with the size that would do.
//
// RFC 791 section 2.3 and RFC 8200 section 4.5 say how pieces look, RFC 1191 and RFC 8201 what the sender is
// told. A router does not split IPv6; the packets of the mirror, which this node has put together itself, are
// split here in either family. Deliberately absent: IPv4 options in later pieces (those that must be copied
// are all but extinct; the pieces go without), extension headers other than before the fragment header.

#include "dataplane/wire/address.hh"
#include "dataplane/wire/ip.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace tandem::path {

/// May the packet be split by a router? (IPv4 without DF.)
bool may_split(std::span<const std::uint8_t> packet) noexcept;

class Splitter {
public:
    /// `packet` outlives this object. `mtu`: at least 576 octets. `identification` is for an IPv6 packet,
    /// which brings none. Nothing when the packet cannot be read or is itself an IPv6 fragment.
    static std::optional<Splitter> begin(std::span<const std::uint8_t> packet, std::size_t mtu,
                                         std::uint32_t identification) noexcept;

    /// Writes the next piece from its IP header on; 0: that was all. `out` has room for the MTU.
    std::size_t next(std::span<std::uint8_t> out) noexcept;

private:
    wire::IpPacket ip_;
    std::size_t header_{0}; ///< octets in front of what is split
    std::size_t piece_{0};  ///< octets of payload in a full piece, a multiple of 8
    std::size_t at_{0};
    std::size_t first_offset_{0}; ///< of a packet that is a fragment already
    std::uint32_t identification_{0};
};

/// "Fragmentation needed" (RFC 1191 section 4) or "packet too big" (RFC 4443 section 3.2) for a packet, from
/// `own`, as an IP packet; its length, 0 when none may be sent (RFC 1122 section 3.2.2: no error about an
/// error, a later fragment, a group address). `out` has room for 1280 octets.
std::size_t write_too_big(std::span<std::uint8_t> out, std::span<const std::uint8_t> packet,
                          const wire::IpAddress& own, std::size_t mtu) noexcept;

} // namespace tandem::path
