// SPDX-License-Identifier: GPL-3.0-or-later

#include "control/link/beat_socket.hh"

#include "control/link/first_to_close.hh"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::link {

namespace {

constexpr std::size_t datagram_min = wire::HaHeader::size + seal::tag_size;
constexpr std::size_t datagram_max = datagram_min + wire::Beat::size_max;
/// Class selector 6, "internetwork control" (RFC 4594 section 3.1), as an octet of the IP header.
constexpr int traffic_class = 48 << 2;
/// The highest that needs no privilege.
constexpr int socket_priority = 6;
/// Errors of the socket that one call reads at most.
constexpr int errors_max = 16;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length{0};
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const wire::IpAddress& address, std::uint16_t port) {
    SocketAddress out;
    if (address.is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, address.octets.data(), sizeof in.sin_addr);
        std::memcpy(&out.storage, &in, sizeof in);
        out.length = sizeof in;
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port);
        std::memcpy(&in.sin6_addr, address.octets.data(), sizeof in.sin6_addr);
        std::memcpy(&out.storage, &in, sizeof in);
        out.length = sizeof in;
    }
    return out;
}

bool set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool set_options(int fd, wire::Family family) {
    if (family == wire::Family::ipv4)
        return set_option(fd, IPPROTO_IP, IP_RECVERR, 1) &&
               set_option(fd, IPPROTO_IP, IP_TOS, traffic_class) &&
               // After the traffic class: that one sets a priority of its own.
               set_option(fd, SOL_SOCKET, SO_PRIORITY, socket_priority);
    return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) &&
           set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, traffic_class) &&
           set_option(fd, SOL_SOCKET, SO_PRIORITY, socket_priority);
}

/// Is this "port unreachable" (RFC 792, RFC 4443 section 3.1), said by `peer` itself? A router or firewall on
/// the way knows nothing of the peer's processes.
bool port_unreachable(const cmsghdr& control, const wire::IpAddress& peer) {
    sock_extended_err error;
    std::memcpy(&error, CMSG_DATA(&control), sizeof error);
    const unsigned char* offender = CMSG_DATA(&control) + sizeof error;
    if (peer.is_v4()) {
        if (control.cmsg_len < CMSG_LEN(sizeof error + sizeof(sockaddr_in)) ||
            error.ee_origin != SO_EE_ORIGIN_ICMP || error.ee_type != ICMP_DEST_UNREACH ||
            error.ee_code != ICMP_PORT_UNREACH)
            return false;
        sockaddr_in from;
        std::memcpy(&from, offender, sizeof from);
        return std::memcmp(&from.sin_addr, peer.octets.data(), peer.size()) == 0;
    }
    if (control.cmsg_len < CMSG_LEN(sizeof error + sizeof(sockaddr_in6)) ||
        error.ee_origin != SO_EE_ORIGIN_ICMP6 || error.ee_type != ICMP6_DST_UNREACH ||
        error.ee_code != ICMP6_DST_UNREACH_NOPORT)
        return false;
    sockaddr_in6 from;
    std::memcpy(&from, offender, sizeof from);
    return std::memcmp(&from.sin6_addr, peer.octets.data(), peer.size()) == 0;
}

std::string failure(const char* what, const wire::IpAddress& local, std::uint16_t port) {
    return std::string("heartbeat socket on ") + local.to_string() + " port " + std::to_string(port) + ": " +
           what + ": " + std::strerror(errno);
}

} // namespace

std::expected<BeatSocket, std::string> BeatSocket::open(const Settings& settings) {
    if (settings.local.family != settings.peer.family || settings.local.size() == 0)
        return std::unexpected("heartbeat socket: the addresses of a path must be of one family");
    BeatSocket out;
    out.settings_ = settings;
    const int family = settings.local.is_v4() ? AF_INET : AF_INET6;
    out.fd_ = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (out.fd_ < 0)
        return std::unexpected(failure("socket", settings.local, settings.port));
    out.fd_ = first_to_close(out.fd_);
    const SocketAddress local = to_socket_address(settings.local, settings.port);
    const SocketAddress peer = to_socket_address(settings.peer, settings.port);
    if (!set_options(out.fd_, settings.local.family))
        return std::unexpected(failure("options", settings.local, settings.port));
    if (bind(out.fd_, local.get(), local.length) != 0)
        return std::unexpected(failure("bind", settings.local, settings.port));
    if (connect(out.fd_, peer.get(), peer.length) != 0)
        return std::unexpected(failure("connect", settings.local, settings.port));
    // Made now, so that rekey() allocates nothing.
    for (Keys* keys : {&out.current_, &out.previous_}) {
        keys->sealer.emplace(contract::DatagramKey{});
        keys->opener.emplace(contract::DatagramKey{});
    }
    return out;
}

BeatSocket::BeatSocket(BeatSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1))
    , settings_(other.settings_)
    , current_(std::move(other.current_))
    , previous_(std::move(other.previous_))
    , patience_left_(other.patience_left_)
    , unreachable_(other.unreachable_)
    , counters_(other.counters_) {}

BeatSocket& BeatSocket::operator=(BeatSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    settings_ = other.settings_;
    std::swap(current_, other.current_);
    std::swap(previous_, other.previous_);
    patience_left_ = other.patience_left_;
    unreachable_ = other.unreachable_;
    counters_ = other.counters_;
    return *this;
}

BeatSocket::~BeatSocket() {
    if (fd_ >= 0)
        close(fd_);
}

void BeatSocket::rekey(std::uint32_t association, const contract::DatagramKey& transmit,
                       const contract::DatagramKey& receive) {
    // Told twice: beginning again at sequence 1 would use nonces twice.
    if (association == current_.association && transmit.key == current_.transmit.key &&
        transmit.iv == current_.transmit.iv)
        return;
    std::swap(current_, previous_);
    patience_left_ = previous_.association != 0 ? patience : 0;
    current_.association = association;
    current_.transmit = transmit;
    current_.sealer->rekey(transmit);
    current_.opener->rekey(receive);
    current_.window = seal::ReplayWindow{};
    current_.next_sequence = 1;
}

bool BeatSocket::keyed() const {
    return current_.association != 0;
}

BeatSocket::Keys* BeatSocket::keys_of(std::uint32_t association) noexcept {
    if (association == 0)
        return nullptr;
    if (association == current_.association)
        return &current_;
    if (association == previous_.association)
        return &previous_;
    return nullptr;
}

BeatSocket::Keys& BeatSocket::sending() noexcept {
    if (patience_left_ == 0)
        return current_;
    --patience_left_;
    return previous_;
}

bool BeatSocket::send(const wire::Beat& beat) noexcept {
    if (!keyed())
        return false;
    Keys& keys = sending();
    const wire::HaHeader header{.association = keys.association, .sequence = keys.next_sequence++};
    std::array<std::uint8_t, wire::Beat::size_max> plain;
    std::array<std::uint8_t, datagram_max> datagram;
    wire::write(header, std::span(datagram).first<wire::HaHeader::size>());
    const std::size_t length = wire::write(beat, plain);
    const std::size_t sealed =
        length == 0 ? 0
                    : keys.sealer->seal(header.sequence, std::span(datagram).first<wire::HaHeader::size>(),
                                        std::span(plain).first(length),
                                        std::span(datagram).subspan<wire::HaHeader::size>());
    ssize_t sent = -1;
    if (sealed != 0) {
        sent = ::send(fd_, datagram.data(), wire::HaHeader::size + sealed, MSG_NOSIGNAL);
        // The error of an earlier datagram is told instead of sending: take it and send.
        if (sent < 0 && errno != EAGAIN && errno != EPERM) {
            read_errors();
            sent = ::send(fd_, datagram.data(), wire::HaHeader::size + sealed, MSG_NOSIGNAL);
        }
    }
    ++(sent < 0 ? counters_.send_failed : counters_.sent);
    return sent >= 0;
}

void BeatSocket::read_errors() noexcept {
    for (int i = 0; i < errors_max; ++i) {
        alignas(cmsghdr) std::array<char, 512> control;
        msghdr message{};
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        if (recvmsg(fd_, &message, MSG_ERRQUEUE) < 0)
            return;
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c))
            if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
                unreachable_ = port_unreachable(*c, settings_.peer) || unreachable_;
    }
}

Received BeatSocket::receive(wire::Beat& beat) noexcept {
    std::array<std::uint8_t, datagram_max> datagram;
    for (int i = 0; i < errors_max; ++i) {
        if (std::exchange(unreachable_, false))
            return Received::unreachable;
        const ssize_t length = recv(fd_, datagram.data(), datagram.size(), MSG_TRUNC);
        if (length >= 0 && static_cast<std::size_t>(length) <= datagram.size())
            return examine(std::span(datagram).first(static_cast<std::size_t>(length)), beat);
        if (length >= 0) {
            ++counters_.truncated; // longer than any heartbeat
            return Received::refused;
        }
        if (errno == EAGAIN)
            return Received::nothing;
        read_errors();
    }
    return Received::nothing;
}

// From the cheap to the dear; nothing before the replay window and the seal is believed.
Received BeatSocket::examine(std::span<const std::uint8_t> datagram, wire::Beat& beat) noexcept {
    const auto refuse = [](std::uint64_t& counter) {
        ++counter;
        return Received::refused;
    };
    if (datagram.size() < datagram_min)
        return refuse(counters_.truncated);
    const auto header = wire::read_ha_header(datagram);
    if (!header || header->type != wire::HaType::heartbeat)
        return refuse(counters_.version);
    Keys* keys = keys_of(header->association);
    if (keys == nullptr)
        return refuse(counters_.association);
    if (!keys->window.fresh(header->sequence))
        return refuse(counters_.replayed);
    std::array<std::uint8_t, wire::Beat::size_max> plain;
    const auto opened = keys->opener->open(header->sequence, datagram.first(wire::HaHeader::size),
                                           datagram.subspan(wire::HaHeader::size), plain);
    if (!opened)
        return refuse(counters_.unauthentic);
    keys->window.accept(header->sequence);
    if (keys == &current_)
        patience_left_ = 0; // the peer has the new keys
    const auto read = wire::read_beat(std::span(plain).first(*opened));
    if (!read)
        return refuse(counters_.malformed);
    if (read->pair_hash != settings_.pair_hash || read->node_id == settings_.node_id)
        return refuse(counters_.foreign);
    ++counters_.received;
    beat = *read;
    return Received::beat;
}

} // namespace tandem::link
