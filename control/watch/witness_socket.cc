// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/witness_socket.hh"

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/ndp.hh"
#include "dataplane/wire/octets.hh"

#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>

#include <algorithm>
#include <cerrno>

namespace tandem::watch {

namespace {

constexpr std::uint8_t icmp_echo_request = 8;
constexpr std::uint8_t icmp6_echo_request = 128;
constexpr std::uint8_t icmp6_echo_reply = 129;
constexpr int datagrams_max = 64; // read in one call
constexpr std::size_t datagram_max = 2048;

bool set(int fd, int level, int name, int value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

template <std::size_t Size>
bool attach(int fd, std::array<sock_filter, Size> code) {
    const sock_fprog program{.len = Size, .filter = code.data()};
    return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/// Only echo replies with our identifier: other programs of this host ping as well. The program sees the
/// packet from its IP header on (raw(7)).
std::array<sock_filter, 6> echo4_filter(std::uint16_t identifier) {
    return {{
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, identifier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x40000),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
}

/// Only ARP replies: requests are the many.
std::array<sock_filter, 4> arp_filter() {
    constexpr std::uint32_t at_operation = 20;
    return {{
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, at_operation),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(wire::ArpOperation::reply), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x40000),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
}

std::uint16_t identifier_of(std::uint64_t token) {
    return static_cast<std::uint16_t>(token >> 48U);
}

} // namespace

WitnessSocket::WitnessSocket(Settings settings)
    : settings_(std::move(settings)) {
    for (const auto& address : settings_.witnesses) {
        Witness witness{.address = address, .own = {}, .echoed = true};
        for (const auto& own : settings_.own_addresses)
            if (own.address.family == address.family && own.contains(address) && own.address != address)
                witness.own = own.address;
        witnesses_.push_back(witness);
    }
}

std::expected<WitnessSocket, std::string> WitnessSocket::open(Settings settings) {
    WitnessSocket result(std::move(settings));
    if (const std::string what = result.open_sockets(); !what.empty())
        return std::unexpected("cannot ask the witnesses over " + result.settings_.interface + ": " + what +
                               ": " + std::strerror(errno));
    return result;
}

/// Gives what failed, with errno set; empty: nothing.
std::string WitnessSocket::open_sockets() {
    const auto& name = settings_.interface;
    const auto bound = [&](int fd) {
        return ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                            static_cast<socklen_t>(name.size() + 1)) == 0;
    };
    const auto any = [&](auto what) { return std::ranges::any_of(witnesses_, what); };
    constexpr int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    if (any([](const Witness& w) { return w.address.is_v4(); })) {
        icmp4_ = Descriptor(::socket(AF_INET, type, IPPROTO_ICMP));
        icmp_filter only_replies{};
        only_replies.data = ~(1U << ICMP_ECHOREPLY);
        if (!icmp4_ || !bound(icmp4_.get()) ||
            !attach(icmp4_.get(), echo4_filter(identifier_of(settings_.token))) ||
            ::setsockopt(icmp4_.get(), SOL_RAW, ICMP_FILTER, &only_replies, sizeof only_replies) != 0)
            return "opening a socket for ICMP";
    }
    if (any([](const Witness& w) { return w.address.is_v6(); })) {
        icmp6_ = Descriptor(::socket(AF_INET6, type, IPPROTO_ICMPV6));
        icmp6_filter only_replies;
        ICMP6_FILTER_SETBLOCKALL(&only_replies);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &only_replies);
        ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &only_replies);
        // Both hop limits 255: neighbours ignore a solicitation that a router might have passed on.
        if (!icmp6_ || !bound(icmp6_.get()) ||
            ::setsockopt(icmp6_.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &only_replies, sizeof only_replies) !=
                0 ||
            !set(icmp6_.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) ||
            !set(icmp6_.get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1))
            return "opening a socket for ICMPv6";
    }
    if (any([](const Witness& w) { return w.own.is_v4(); }))
        return open_arp();
    return {};
}

std::string WitnessSocket::open_arp() {
    // Protocol 0 until the filter is in place: nothing unfiltered is ever queued.
    arp_ = Descriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_ifindex = settings_.interface_index;
    where.sll_protocol = htons(ETH_P_ARP);
    if (!arp_ || !attach(arp_.get(), arp_filter()))
        return "opening a packet socket";
    static_cast<void>(set(arp_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, 1));
    if (settings_.interface_index <= 0) // would mean every interface
        errno = ENODEV;
    if (settings_.interface_index <= 0 ||
        ::bind(arp_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
        return "binding a packet socket";
    return {};
}

std::vector<int> WitnessSocket::descriptors() const {
    std::vector<int> result;
    for (const Descriptor* fd : {&icmp4_, &icmp6_, &arp_})
        if (*fd)
            result.push_back(fd->get());
    return result;
}

// ---- asking ----

std::array<std::uint8_t, 16> WitnessSocket::echo_message(bool ipv6) const noexcept {
    std::array<std::uint8_t, 16> message{};
    message[0] = ipv6 ? icmp6_echo_request : icmp_echo_request;
    wire::store_be<std::uint16_t>(message, 4, identifier_of(settings_.token));
    wire::store_be<std::uint16_t>(message, 6, sequence_);
    wire::store_be<std::uint64_t>(message, 8, settings_.token);
    if (!ipv6) // of ICMPv6 the kernel makes the checksum
        wire::store_be<std::uint16_t>(message, 2, wire::checksum(message));
    return message;
}

void WitnessSocket::ask() noexcept {
    ++sequence_;
    for (Witness& witness : witnesses_) {
        const bool mute = !std::exchange(witness.echoed, false);
        echo(witness);
        if (mute && witness.own.size() != 0)
            solicit(witness);
    }
}

void WitnessSocket::echo(const Witness& witness) noexcept {
    const bool ipv6 = witness.address.is_v6();
    const auto message = echo_message(ipv6);
    const SocketAddress to(witness.address, 0, static_cast<std::uint32_t>(settings_.interface_index));
    static_cast<void>(::sendto((ipv6 ? icmp6_ : icmp4_).get(), message.data(), message.size(), MSG_DONTWAIT,
                               to.get(), to.length));
}

void WitnessSocket::solicit(const Witness& witness) noexcept {
    if (witness.address.is_v4()) {
        const wire::ArpFrame question{.destination = wire::MacAddress::broadcast(),
                                      .source = settings_.own_mac,
                                      .packet = {.operation = wire::ArpOperation::request,
                                                 .sender_mac = settings_.own_mac,
                                                 .sender_ip = witness.own,
                                                 .target_mac = {},
                                                 .target_ip = witness.address}};
        std::array<std::uint8_t, wire::ArpFrame::size> frame{};
        const std::size_t length = wire::write_arp(frame, question);
        static_cast<void>(::send(arp_.get(), frame.data(), length, MSG_DONTWAIT));
        return;
    }
    // RFC 4861 section 4.3, with the source link-layer option; source address and checksum are the kernel's.
    std::array<std::uint8_t, 32> message{};
    message[0] = static_cast<std::uint8_t>(wire::NdpType::solicitation);
    std::ranges::copy(witness.address.bytes(), message.begin() + 8);
    message[24] = 1; // source link-layer address
    message[25] = 1; // units of eight octets
    std::ranges::copy(settings_.own_mac.octets, message.begin() + 26);
    const SocketAddress to(wire::solicited_node(witness.address), 0,
                           static_cast<std::uint32_t>(settings_.interface_index));
    static_cast<void>(
        ::sendto(icmp6_.get(), message.data(), message.size(), MSG_DONTWAIT, to.get(), to.length));
}

// ---- answers ----

bool WitnessSocket::is_echo_reply(const wire::IpAddress& from, std::uint16_t identifier,
                                  std::uint16_t sequence, std::span<const std::uint8_t> payload) noexcept {
    const auto age = static_cast<std::uint16_t>(sequence_ - sequence);
    if (identifier != identifier_of(settings_.token) || age >= rounds_kept || payload.size() != 8 ||
        wire::load_be<std::uint64_t>(payload, 0) != settings_.token)
        return false;
    const auto witness = std::ranges::find(witnesses_, from, &Witness::address);
    if (witness == witnesses_.end())
        return false;
    witness->echoed = true;
    return true;
}

bool WitnessSocket::is_watched_neighbour(const wire::IpAddress& address) const noexcept {
    return std::ranges::any_of(witnesses_,
                               [&](const Witness& w) { return w.address == address && w.own.size() != 0; });
}

bool WitnessSocket::read_echo4() noexcept {
    bool heard = false;
    std::array<std::uint8_t, datagram_max> bytes; // written by recv
    for (int i = 0; icmp4_ && i < datagrams_max; ++i) {
        const ssize_t length = ::recv(icmp4_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            break;
        const auto packet = wire::parse_ip({bytes.data(), static_cast<std::size_t>(length)});
        if (!packet)
            continue;
        const auto message = wire::parse_icmp(*packet);
        if (message && message->kind == wire::IcmpKind::echo_reply &&
            is_echo_reply(packet->source, message->identifier, message->sequence, message->payload))
            heard = true;
    }
    return heard;
}

bool WitnessSocket::read_icmp6() noexcept {
    bool heard = false;
    for (int i = 0; icmp6_ && i < datagrams_max; ++i) {
        std::array<std::uint8_t, datagram_max> bytes; // written by recvmsg
        SocketAddress from;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        iovec data{bytes.data(), bytes.size()};
        msghdr header{};
        header.msg_name = from.get();
        header.msg_namelen = sizeof from.storage;
        header.msg_iov = &data;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t length = ::recvmsg(icmp6_.get(), &header, MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            break;
        int hop_limit = 0;
        if (const cmsghdr* note = CMSG_FIRSTHDR(&header);
            note != nullptr && note->cmsg_level == IPPROTO_IPV6 && note->cmsg_type == IPV6_HOPLIMIT)
            std::memcpy(&hop_limit, CMSG_DATA(note), sizeof hop_limit);
        const std::span<const std::uint8_t> message{bytes.data(), static_cast<std::size_t>(length)};
        if (message.size() >= wire::IcmpMessage::header_size && message[0] == icmp6_echo_reply) {
            if (is_echo_reply(from.address(), wire::load_be<std::uint16_t>(message, 4),
                              wire::load_be<std::uint16_t>(message, 6), message.subspan(8)))
                heard = true;
        } else if (message.size() >= wire::NdpMessage::size_min &&
                   message[0] == static_cast<std::uint8_t>(wire::NdpType::advertisement) &&
                   (message[4] & wire::ndp_solicited) != 0 && hop_limit == 255) { // RFC 4861 section 7.1.2
            std::array<std::uint8_t, 16> target{};
            std::copy_n(message.begin() + 8, target.size(), target.begin());
            heard = is_watched_neighbour(wire::IpAddress::v6(target)) || heard;
        }
    }
    return heard;
}

bool WitnessSocket::read_arp() noexcept {
    bool heard = false;
    std::array<std::uint8_t, datagram_max> bytes; // written by recv
    for (int i = 0; arp_ && i < datagrams_max; ++i) {
        const ssize_t length = ::recv(arp_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            break;
        const auto frame = wire::parse_ethernet({bytes.data(), static_cast<std::size_t>(length)});
        if (!frame || frame->destination != settings_.own_mac) // others announce themselves to everybody
            continue;
        const auto arp = wire::parse_arp(frame->payload);
        heard =
            (arp && arp->operation == wire::ArpOperation::reply && is_watched_neighbour(arp->sender_ip)) ||
            heard;
    }
    return heard;
}

bool WitnessSocket::answered() noexcept {
    const bool echo4 = read_echo4();
    const bool icmp6 = read_icmp6();
    const bool arp = read_arp();
    return echo4 || icmp6 || arp;
}

} // namespace tandem::watch
