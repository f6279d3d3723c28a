// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Telling the network where a VIP lives.
//
// IPv4: gratuitous ARP in request and in reply form (RFC 5227 section 3, RFC 826), because some neighbours
// learn from only one of them. IPv6: an unsolicited neighbour advertisement to all nodes with the override
// flag (RFC 4861 section 7.2.6). The frames are prepared once; sending is one sendmmsg. Deliberately absent:
// when to announce (control/ha), and ARP answers (the kernel's in host mode).

#include "dataplane/wire/address.hh"

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tandem::announce {

/// A complete Ethernet frame.
struct Frame {
    static constexpr std::size_t size_max = 96;
    std::uint16_t length{0};
    std::array<std::uint8_t, size_max> bytes{};
    std::span<const std::uint8_t> view() const { return {bytes.data(), length}; }
};

/// The frames that announce these VIPs from this MAC address: two for an IPv4 VIP, one for an IPv6 VIP.
std::vector<Frame> announcement(wire::MacAddress source, std::span<const wire::IpAddress> vips);

/// One ARP request (RFC 5227 probe: sender address zero) or neighbour solicitation (RFC 4861 section 7.2.2,
/// source unspecified as in RFC 4862 section 5.4.2) per VIP.
std::vector<Frame> probe(wire::MacAddress source, std::span<const wire::IpAddress> vips);

/// Sends prepared frames on one interface (AF_PACKET). No allocation in `send`.
class Announcer {
public:
    static std::expected<Announcer, std::string> open(int interface_index, std::vector<Frame> frames);
    Announcer(Announcer&&) noexcept;
    Announcer& operator=(Announcer&&) noexcept;
    ~Announcer();
    /// Sends every frame; returns how many the kernel took.
    std::size_t send() noexcept;
    std::size_t size() const { return frames_.size(); }

private:
    Announcer(int fd, std::vector<Frame> frames);
    int fd_{-1};
    std::vector<Frame> frames_;
};

/// Another station that speaks as the owner of a VIP.
struct Claim {
    wire::IpAddress vip;
    wire::MacAddress claimant;
};

/// Hears ARP (request or reply, sender address = VIP) and neighbour advertisements (target = VIP) on one
/// interface that come from another MAC address than ours. A socket filter lets only those through, so an ARP
/// storm costs the kernel, not us.
class ClaimWatch {
public:
    static std::expected<ClaimWatch, std::string> open(int interface_index, wire::MacAddress own,
                                                       std::vector<wire::IpAddress> vips);
    ClaimWatch(ClaimWatch&&) noexcept;
    ClaimWatch& operator=(ClaimWatch&&) noexcept;
    ~ClaimWatch();
    int descriptor() const { return fd_; }
    /// The next claim that is waiting; nothing when there is none. Never blocks, does not allocate.
    bool next(Claim& claim) noexcept;

private:
    ClaimWatch(int fd, wire::MacAddress own, std::vector<wire::IpAddress> vips);
    int fd_{-1};
    wire::MacAddress own_;
    std::vector<wire::IpAddress> vips_;
};

} // namespace tandem::announce
