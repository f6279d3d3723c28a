// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/neighbour_socket.hh"

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/ndp.hh"

#include <net/if.h> // in front of the kernel's own, which says the same again

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::probe {
namespace {

constexpr std::size_t frame_max = std::max(wire::ArpFrame::size, wire::NdpFrame::size_max);

template <class Value>
bool set(int fd, int level, int name, const Value& value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool filter(int fd, std::span<sock_filter> code) {
    return set(fd, SOL_SOCKET, SO_ATTACH_FILTER,
               sock_fprog{.len = static_cast<unsigned short>(code.size()), .filter = code.data()});
}

/// Only ARP replies; only neighbour advertisements.
bool filter(int fd, wire::Family family) {
    constexpr std::uint32_t at_arp_operation = 20;
    constexpr std::uint32_t at_ipv6_next_header = 20;
    constexpr std::uint32_t at_icmpv6_type = 54;
    constexpr std::uint32_t whole_frame = 0x40000;
    std::array<sock_filter, 4> replies{{
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, at_arp_operation),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(wire::ArpOperation::reply), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, whole_frame),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    std::array<sock_filter, 6> advertisements{{
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at_ipv6_next_header),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wire::protocol_icmpv6, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at_icmpv6_type),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(wire::NdpType::advertisement), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, whole_frame),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    return family == wire::Family::ipv4 ? filter(fd, replies) : filter(fd, advertisements);
}

ifreq request_for(const std::string& interface) {
    ifreq request{};
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    return request;
}

} // namespace

std::expected<NeighbourSocket, std::string> NeighbourSocket::open(wire::Family family,
                                                                  const std::string& interface) {
    NeighbourSocket made{family, interface};
    if (made.prepare())
        return made;
    return std::unexpected("cannot ask for neighbours over " + interface + ": " + std::strerror(errno));
}

bool NeighbourSocket::prepare() {
    // Protocol 0 until the filter is in place: nothing unfiltered is ever queued.
    socket_ = watch::Descriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const unsigned index = ::if_nametoindex(interface_.c_str());
    if (!socket_ || index == 0 || !filter(socket_.get(), family_) || !read_own_mac())
        return false;
    static_cast<void>(set(socket_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, int{1}));
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_ifindex = static_cast<int>(index);
    where.sll_protocol = htons(family_ == wire::Family::ipv4 ? ETH_P_ARP : ETH_P_IPV6);
    return ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
}

bool NeighbourSocket::read_own_mac() noexcept {
    ifreq request = request_for(interface_);
    if (::ioctl(socket_.get(), SIOCGIFHWADDR, &request) != 0)
        return false;
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
        errno = EPROTONOSUPPORT;
        return false;
    }
    std::memcpy(own_.octets.data(), request.ifr_hwaddr.sa_data, own_.octets.size());
    return true;
}

wire::IpAddress NeighbourSocket::own_address(const wire::IpAddress& to) const noexcept {
    const watch::Descriptor fd(
        ::socket(to.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    constexpr std::uint16_t discard = 9; // nothing is sent
    const watch::SocketAddress there(to, discard, ::if_nametoindex(interface_.c_str()));
    watch::SocketAddress own;
    own.length = sizeof own.storage;
    if (!fd ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface_.c_str(),
                     static_cast<socklen_t>(interface_.size() + 1)) != 0 ||
        ::connect(fd.get(), there.get(), there.length) != 0 ||
        ::getsockname(fd.get(), own.get(), &own.length) != 0)
        return {};
    return own.address();
}

int NeighbourSocket::ask(const wire::IpAddress& to, wire::IpAddress source) noexcept {
    if (!read_own_mac())
        return errno;
    if (source.size() == 0)
        source = own_address(to);
    std::array<std::uint8_t, frame_max> frame{};
    std::size_t length = 0;
    if (to.is_v4()) {
        wire::ArpFrame question = wire::arp_probe(own_, to);
        if (source.size() != 0) // otherwise it is asked for without a name, and answers all the same
            question.packet.sender_ip = source;
        length = wire::write_arp(frame, question);
    } else {
        if (source.size() == 0)
            return EADDRNOTAVAIL;
        const wire::IpAddress group = wire::solicited_node(to);
        length = wire::write_ndp(
            frame,
            {.destination = wire::multicast_mac(group),
             .source = own_,
             .destination_ip = group,
             .source_ip = source,
             .message = {.type = wire::NdpType::solicitation, .flags = 0, .target = to, .link_layer = own_}});
    }
    for (;;) {
        if (::send(socket_.get(), frame.data(), length, MSG_DONTWAIT) >= 0)
            return 0;
        if (errno != EINTR)
            return errno;
    }
}

std::optional<NeighbourSocket::Answer>
NeighbourSocket::answer_of(std::span<const std::uint8_t> bytes) const noexcept {
    const auto frame = wire::parse_ethernet(bytes);
    if (!frame || frame->destination != own_)
        return std::nullopt;
    if (family_ == wire::Family::ipv4) {
        const auto arp = wire::parse_arp(frame->payload);
        if (!arp || arp->operation != wire::ArpOperation::reply || arp->target_mac != own_)
            return std::nullopt;
        return Answer{arp->sender_ip, arp->sender_mac};
    }
    const auto packet = wire::parse_ip(frame->payload);
    if (!packet)
        return std::nullopt;
    const auto message = wire::parse_ndp(*packet);
    if (!message || message->type != wire::NdpType::advertisement ||
        (message->flags & wire::ndp_solicited) == 0)
        return std::nullopt;
    return Answer{message->target, message->link_layer.value_or(frame->source)};
}

std::optional<NeighbourSocket::Answer> NeighbourSocket::receive() noexcept {
    // Within a bound: what is not ours but looks like it must not keep us here.
    for (int i = 0; i < 64; ++i) {
        std::array<std::uint8_t, 256> bytes; // written by recv; what counts is shorter
        const ssize_t length = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return std::nullopt;
        if (const auto answer = answer_of({bytes.data(), static_cast<std::size_t>(length)}))
            return answer;
    }
    return std::nullopt;
}

} // namespace tandem::probe
