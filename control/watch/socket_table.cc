// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/socket_table.hh"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <array>
#include <cerrno>

namespace tandem::watch {

namespace {

struct Request {
    nlmsghdr header;
    inet_diag_req_v2 body;
};

constexpr std::uint8_t tcp_listen = 10; // TCP_LISTEN in the kernel's numbering of states
constexpr int answers_max = 8;          // answers to earlier questions that are passed over

/// The kernel answers while it is being asked; the time-out is for a kernel that does not.
constexpr timeval patience{.tv_sec = 0, .tv_usec = 50'000};

Request request_for(Transport transport, const wire::IpAddress& address, std::uint16_t port,
                    int interface_index, std::uint32_t sequence) {
    Request request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.header.nlmsg_seq = sequence;
    request.body.sdiag_family = address.is_v4() ? AF_INET : AF_INET6;
    request.body.sdiag_protocol = transport == Transport::udp ? IPPROTO_UDP : IPPROTO_TCP;
    request.body.idiag_states = ~0U;
    inet_diag_sockid& id = request.body.id;
    id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    id.idiag_if = static_cast<std::uint32_t>(interface_index);
    // For UDP the kernel reads the two ends of an exact look-up the other way round, for historical reasons.
    const bool swapped = transport == Transport::udp;
    (swapped ? id.idiag_dport : id.idiag_sport) = htons(port);
    std::memcpy(swapped ? id.idiag_dst : id.idiag_src, address.octets.data(), address.size());
    return request;
}

} // namespace

std::expected<SocketTable, std::string> SocketTable::open() {
    Descriptor fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        return std::unexpected(std::string("cannot ask the kernel for its sockets: ") + std::strerror(errno));
    return SocketTable(std::move(fd));
}

std::optional<bool> SocketTable::look_up(Transport transport, const wire::IpAddress& address,
                                         std::uint16_t port, int interface_index) {
    const Request request = request_for(transport, address, port, interface_index, ++sequence_);
    if (::send(fd_.get(), &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request))
        return std::nullopt;
    alignas(nlmsghdr) std::array<char, 1024> answer;
    for (int i = 0; i < answers_max; ++i) {
        const ssize_t length = ::recv(fd_.get(), answer.data(), answer.size(), 0);
        if (length < static_cast<ssize_t>(sizeof(nlmsghdr)))
            return std::nullopt;
        nlmsghdr header{};
        std::memcpy(&header, answer.data(), sizeof header);
        if (header.nlmsg_seq != sequence_)
            continue;
        const std::size_t payload = static_cast<std::size_t>(length) - NLMSG_HDRLEN;
        if (header.nlmsg_type == NLMSG_ERROR && payload >= sizeof(nlmsgerr)) {
            nlmsgerr error{};
            std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
            // ENOENT also stands for a kernel without this part of sock_diag; `open` cannot tell, but such a
            // kernel refuses the request's type before it looks up anything, with EOPNOTSUPP or EINVAL.
            return error.error == -ENOENT ? std::optional{false} : std::nullopt;
        }
        if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || payload < sizeof(inet_diag_msg))
            return std::nullopt;
        inet_diag_msg found{};
        std::memcpy(&found, answer.data() + NLMSG_HDRLEN, sizeof found);
        return transport == Transport::udp || found.idiag_state == tcp_listen;
    }
    return std::nullopt;
}

std::optional<bool> SocketTable::bound(Transport transport, const wire::IpAddress& address,
                                       std::uint16_t port, int interface_index) {
    const auto anywhere = look_up(transport, address, port, 0);
    if (!anywhere.has_value() || *anywhere || interface_index <= 0)
        return anywhere;
    return look_up(transport, address, port, interface_index);
}

} // namespace tandem::watch
