// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/echo_socket.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/octets.hh"

#include <net/if.h> // in front of the kernel's own, which says the same again

#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>

#include <cerrno>
#include <cstring>
#include <span>

namespace tandem::probe {
namespace {

constexpr std::uint8_t echo_request = 8;
constexpr std::uint8_t echo6_request = 128;
constexpr std::uint8_t echo6_reply = 129;
constexpr std::size_t header_size = wire::IcmpMessage::header_size;

std::uint16_t identifier_of(std::uint64_t token) {
    return static_cast<std::uint16_t>(token >> 48U);
}

template <class Value>
bool set(int fd, int level, int name, const Value& value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// Lets only messages with our identifier and token through: other programs of this host ping as well, and
/// what somebody guesses must not fill the socket. IPv4 shows the program the packet from its IP header on,
/// IPv6 the message (raw(7)).
bool filter(int fd, wire::Family family, std::uint64_t token) {
    const bool four = family == wire::Family::ipv4;
    const sock_filter skip_header = BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
    const sock_filter no_header = BPF_STMT(BPF_LDX | BPF_IMM, 0);
    const auto high = static_cast<std::uint32_t>(token >> 32U);
    const auto low = static_cast<std::uint32_t>(token);
    std::array<sock_filter, 9> code{{
        four ? skip_header : no_header,
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, identifier_of(token), 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, 8),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x40000),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    return set(fd, SOL_SOCKET, SO_ATTACH_FILTER, sock_fprog{.len = code.size(), .filter = code.data()});
}

} // namespace

std::expected<EchoSocket, std::string> EchoSocket::open(const Settings& settings) {
    EchoSocket made{settings};
    if (made.prepare())
        return made;
    std::string where = settings.interface.empty() ? "" : " over " + settings.interface;
    if (settings.source.size() != 0)
        where += " from " + settings.source.to_string();
    return std::unexpected("cannot ask by ICMP" + where + ": " + std::strerror(errno));
}

bool EchoSocket::prepare() {
    const bool four = settings_.family == wire::Family::ipv4;
    constexpr int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    socket_ = watch::Descriptor(four ? ::socket(AF_INET, type, IPPROTO_ICMP)
                                     : ::socket(AF_INET6, type, IPPROTO_ICMPV6));
    if (!socket_ || !filter(socket_.get(), settings_.family, settings_.token))
        return false;
    if (four) {
        icmp_filter replies{};
        replies.data = ~(1U << ICMP_ECHOREPLY);
        if (!set(socket_.get(), SOL_RAW, ICMP_FILTER, replies))
            return false;
    } else {
        icmp6_filter replies;
        ICMP6_FILTER_SETBLOCKALL(&replies);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &replies);
        if (!set(socket_.get(), IPPROTO_ICMPV6, ICMP6_FILTER, replies))
            return false;
    }
    // Answers to thousands of questions may come at once. The kernel gives what it permits.
    constexpr int room = 4 << 20;
    static_cast<void>(set(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, room));
    const std::string& interface = settings_.interface;
    if (!interface.empty()) {
        scope_ = ::if_nametoindex(interface.c_str());
        if (scope_ == 0 || ::setsockopt(socket_.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                                        static_cast<socklen_t>(interface.size() + 1)) != 0)
            return false;
    }
    if (settings_.source.size() == 0)
        return true;
    const watch::SocketAddress from(settings_.source, 0, scope_);
    return ::bind(socket_.get(), from.get(), from.length) == 0;
}

int EchoSocket::ask(const wire::IpAddress& to, std::uint64_t check, std::uint64_t number) noexcept {
    std::array<std::uint8_t, message_size> message{};
    message[0] = to.is_v4() ? echo_request : echo6_request;
    wire::store_be<std::uint16_t>(message, 4, identifier_of(settings_.token));
    wire::store_be<std::uint16_t>(message, 6, static_cast<std::uint16_t>(number));
    wire::store_be<std::uint64_t>(message, 8, settings_.token);
    wire::store_be<std::uint64_t>(message, 16, check);
    wire::store_be<std::uint64_t>(message, 24, number);
    if (to.is_v4()) // of ICMPv6 the kernel makes the checksum
        wire::store_be<std::uint16_t>(message, 2, wire::checksum(message));
    const watch::SocketAddress address(to, 0, scope_);
    for (;;) {
        if (::sendto(socket_.get(), message.data(), message.size(), MSG_DONTWAIT, address.get(),
                     address.length) >= 0)
            return 0;
        if (errno != EINTR)
            return errno;
    }
}

std::optional<EchoSocket::Answer> EchoSocket::answer_of(std::span<const std::uint8_t> message,
                                                        const wire::IpAddress& from) const {
    if (message.size() != message_size || wire::load_be<std::uint64_t>(message, 8) != settings_.token)
        return std::nullopt;
    return Answer{from, wire::load_be<std::uint64_t>(message, 16), wire::load_be<std::uint64_t>(message, 24)};
}

std::optional<EchoSocket::Answer> EchoSocket::receive() noexcept {
    // Within a bound: what is not ours but looks like it must not keep us here.
    for (int i = 0; i < 64; ++i) {
        std::array<std::uint8_t, 256> bytes; // written by recvfrom; ours are shorter
        watch::SocketAddress from;
        from.length = sizeof from.storage;
        const ssize_t length =
            ::recvfrom(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT, from.get(), &from.length);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return std::nullopt;
        std::span<const std::uint8_t> message{bytes.data(), static_cast<std::size_t>(length)};
        if (settings_.family == wire::Family::ipv4) {
            const auto packet = wire::parse_ip(message);
            if (!packet)
                continue;
            message = packet->payload;
        } else if (message.empty() || message[0] != echo6_reply) {
            continue;
        }
        if (const auto answer = answer_of(message, from.address()))
            return answer;
    }
    return std::nullopt;
}

} // namespace tandem::probe
