// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_link.hh"
#include "control/watch/descriptor.hh"
#include "control/watch/readable.hh"

#include <net/if.h> // in front of the kernel's own, which says the same again

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace tandem::probe {
namespace {

constexpr std::size_t datagram_max = 65535;
constexpr int read_at_once = 256; ///< whoever floods us must not keep the loop

template <class Value>
bool set(int fd, int level, int name, const Value& value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

watch::Descriptor open_socket(wire::Family family, const SipOrigin& origin, std::uint32_t& scope) {
    const int domain = family == wire::Family::ipv4 ? AF_INET : AF_INET6;
    watch::Descriptor fd(::socket(domain, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fd;
    const std::string& name = origin.interface;
    if (!name.empty()) {
        scope = ::if_nametoindex(name.c_str());
        if (scope == 0 || ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                                       static_cast<socklen_t>(name.size() + 1)) != 0)
            return watch::Descriptor{};
    }
    wire::IpAddress own = origin.source;
    if (own.size() == 0)
        own.family = family;
    const watch::SocketAddress from(own, 0, scope);
    if (::bind(fd.get(), from.get(), from.length) != 0)
        return watch::Descriptor{};
    return fd;
}

class Datagrams final : public SipLink {
public:
    Datagrams(boost::asio::io_context& io, wire::Family family, SipOrigin origin, std::uint32_t scope,
              watch::Descriptor fd, Ears ears)
        : family_(family)
        , origin_(std::move(origin))
        , scope_(scope)
        , fd_(std::move(fd))
        , ears_(std::make_shared<Ears>(std::move(ears))) {
        watch::SocketAddress own;
        own.length = sizeof own.storage;
        if (::getsockname(fd_.get(), own.get(), &own.length) == 0)
            port_ = own.port();
        readable_.emplace(io, fd_.get(), [this] { receive(); });
    }
    SipReliability reliability() const override { return SipReliability::datagram; }
    bool is_open() const override { return true; }
    std::string local_for(const resolve::Server& server) override;
    std::string send(const resolve::Server& server, std::string_view message) override;

private:
    void receive();
    bool receive_error();

    wire::Family family_;
    SipOrigin origin_;
    std::uint32_t scope_;
    std::uint16_t port_{0};
    watch::Descriptor fd_;
    std::shared_ptr<Ears> ears_;
    std::optional<watch::Readable> readable_; ///< ends before the socket
};

/// The kernel says from which address it would send: it may change with the routes, so it is asked anew.
std::string Datagrams::local_for(const resolve::Server& server) {
    if (origin_.source.size() != 0)
        return endpoint_text(origin_.source, port_);
    std::uint32_t scope = 0;
    const watch::Descriptor asking = open_socket(family_, origin_, scope);
    const watch::SocketAddress to(server.address, server.port, scope_);
    watch::SocketAddress own;
    own.length = sizeof own.storage;
    if (!asking || ::connect(asking.get(), to.get(), to.length) != 0 ||
        ::getsockname(asking.get(), own.get(), &own.length) != 0)
        return {};
    return endpoint_text(own.address(), port_);
}

std::string Datagrams::send(const resolve::Server& server, std::string_view message) {
    const watch::SocketAddress to(server.address, server.port, scope_);
    // A refusal of an earlier datagram that nobody has read stops a send; the next one leaves.
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (::sendto(fd_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to.get(),
                     to.length) >= 0)
            return {};
        if (errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != EINTR)
            break;
    }
    return std::string{"the kernel does not send the request: "} + std::strerror(errno);
}

/// A datagram of ours came back (IP_RECVERR, ip(7)).
bool Datagrams::receive_error() {
    std::array<char, 2048> part;
    alignas(cmsghdr) std::array<char, 512> room;
    iovec piece{part.data(), part.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = room.data();
    header.msg_controllen = room.size();
    const ssize_t length = ::recvmsg(fd_.get(), &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (length < 0)
        return false;
    for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr; one = CMSG_NXTHDR(&header, one)) {
        const bool four = one->cmsg_level == SOL_IP && one->cmsg_type == IP_RECVERR;
        const bool six = one->cmsg_level == SOL_IPV6 && one->cmsg_type == IPV6_RECVERR;
        sock_extended_err error{};
        if ((!four && !six) || one->cmsg_len < CMSG_LEN(sizeof error))
            continue;
        std::memcpy(&error, CMSG_DATA(one), sizeof error);
        // That a host is not reached may pass; that nobody has the port is said by the host itself.
        if (error.ee_errno == ECONNREFUSED && ears_->refused)
            ears_->refused({part.data(), static_cast<std::size_t>(length)});
        break;
    }
    return true;
}

void Datagrams::receive() {
    const std::weak_ptr<Ears> alive = ears_;
    for (int i = 0; i < read_at_once; ++i) {
        if (!receive_error())
            break;
        if (alive.expired())
            return;
    }
    static thread_local std::array<char, datagram_max> datagram;
    for (int i = 0; i < read_at_once; ++i) {
        const ssize_t length = ::recv(fd_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
        if (length < 0 && (errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH))
            continue;
        if (length < 0)
            return;
        if (const auto ears = alive.lock(); ears->heard) {
            const std::string message(datagram.data(), static_cast<std::size_t>(length));
            ears->heard(message);
        }
        if (alive.expired())
            return;
    }
}

} // namespace

std::string endpoint_text(const wire::IpAddress& address, std::uint16_t port) {
    const std::string text = address.to_string();
    return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

std::string endpoint_text(const resolve::Server& server) {
    return endpoint_text(server.address, server.port);
}

std::expected<std::unique_ptr<SipLink>, std::string> open_datagrams(boost::asio::io_context& io,
                                                                    wire::Family family,
                                                                    const SipOrigin& origin,
                                                                    SipLink::Ears ears) {
    std::uint32_t scope = 0;
    watch::Descriptor fd = open_socket(family, origin, scope);
    const int yes = 1;
    const bool told = fd && (family == wire::Family::ipv4 ? set(fd.get(), SOL_IP, IP_RECVERR, yes)
                                                          : set(fd.get(), SOL_IPV6, IPV6_RECVERR, yes));
    if (!told) {
        std::string where = origin.interface.empty() ? "" : " over " + origin.interface;
        if (origin.source.size() != 0)
            where += " from " + origin.source.to_string();
        return std::unexpected("cannot ask by UDP" + where + ": " + std::strerror(errno));
    }
    constexpr int room = 4 << 20; // answers to many questions may come at once
    static_cast<void>(set(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, room));
    return std::make_unique<Datagrams>(io, family, origin, scope, std::move(fd), std::move(ears));
}

} // namespace tandem::probe
