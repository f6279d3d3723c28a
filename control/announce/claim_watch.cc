// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/announce/announce.hh"
#include "control/announce/claim_filter.hh"

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/ndp.hh"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace tandem::announce {

namespace {

/// Frames that pass the filter and are no claim after all (a wrong checksum, say), read in one call.
constexpr std::size_t refused_max = 64;

/// Who says what is his, according to this frame: the link-layer address that neighbours would learn.
std::optional<Claim> claim_in(std::span<const std::uint8_t> bytes) noexcept {
    const auto frame = wire::parse_ethernet(bytes);
    if (!frame || frame->vlan != 0)
        return std::nullopt;
    if (frame->ether_type == wire::ether_type_arp) {
        const auto arp = wire::parse_arp(frame->payload);
        if (!arp)
            return std::nullopt;
        return Claim{arp->sender_ip, arp->sender_mac};
    }
    if (frame->ether_type != wire::ether_type_ipv6)
        return std::nullopt;
    const auto packet = wire::parse_ip(frame->payload);
    if (!packet)
        return std::nullopt;
    const auto message = wire::parse_ndp(*packet);
    if (!message || message->type != wire::NdpType::advertisement)
        return std::nullopt;
    return Claim{message->target, message->link_layer.value_or(frame->source)};
}

/// Both address families need a socket for all protocols; one does not.
std::uint16_t protocol_for(const std::vector<wire::IpAddress>& vips) {
    const bool ipv4 = std::ranges::any_of(vips, &wire::IpAddress::is_v4);
    const bool ipv6 = std::ranges::any_of(vips, &wire::IpAddress::is_v6);
    return ipv4 && ipv6 ? ETH_P_ALL : ipv6 ? ETH_P_IPV6 : ETH_P_ARP;
}

} // namespace

std::expected<ClaimWatch, std::string> ClaimWatch::open(int interface_index, wire::MacAddress own,
                                                        std::vector<wire::IpAddress> vips) {
    const auto refuse = [&](const char* what) {
        return std::unexpected(std::string("cannot watch for claims on interface ") +
                               std::to_string(interface_index) + ": " + what + ": " + std::strerror(errno));
    };
    // Protocol 0 until the filter is in place: nothing unfiltered is ever queued.
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refuse("opening a packet socket");
    ClaimWatch result(fd, own, std::move(vips));
    auto filter = claim_filter(own, result.vips_);
    const sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
        return refuse("attaching the filter");
    // Saves the kernel a copy of each packet sent; the filter refuses them in any case.
    const int on = 1;
    static_cast<void>(::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on));
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_ifindex = interface_index;
    where.sll_protocol = htons(protocol_for(result.vips_));
    // Index 0 would be accepted and mean every interface.
    if (interface_index <= 0)
        errno = ENODEV;
    if (interface_index <= 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
        return refuse("binding to it");
    return result;
}

ClaimWatch::ClaimWatch(int fd, wire::MacAddress own, std::vector<wire::IpAddress> vips)
    : fd_(fd)
    , own_(own)
    , vips_(std::move(vips)) {}

ClaimWatch::ClaimWatch(ClaimWatch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1))
    , own_(other.own_)
    , vips_(std::move(other.vips_)) {}

ClaimWatch& ClaimWatch::operator=(ClaimWatch&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(own_, other.own_);
    std::swap(vips_, other.vips_);
    return *this;
}

ClaimWatch::~ClaimWatch() {
    if (fd_ >= 0)
        ::close(fd_);
}

bool ClaimWatch::next(Claim& claim) noexcept {
    std::array<std::uint8_t, claim_frame_max> frame; // written by recv
    for (std::size_t refused = 0; refused < refused_max; ++refused) {
        const ssize_t length = ::recv(fd_, frame.data(), frame.size(), MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return false;
        const auto heard = claim_in({frame.data(), static_cast<std::size_t>(length)});
        if (heard && heard->claimant != own_ && std::ranges::find(vips_, heard->vip) != vips_.end()) {
            claim = *heard;
            return true;
        }
    }
    return false;
}

} // namespace tandem::announce
