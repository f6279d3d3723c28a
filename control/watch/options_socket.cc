// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/options_socket.hh"

#include <linux/filter.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace tandem::watch {

namespace {

/// A response to OPTIONS is far shorter; what is longer is cut and then refused.
constexpr std::size_t datagram_max = 4096;

bool accept_loopback_only(int fd) {
    constexpr std::uint32_t loopback = 1; // LOOPBACK_IFINDEX: the same in every network namespace
    std::array<sock_filter, 4> code{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_IFINDEX)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, loopback, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0x40000),
    }};
    const sock_fprog program{.len = code.size(), .filter = code.data()};
    return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

} // namespace

std::expected<OptionsSocket, std::string> OptionsSocket::open(const Settings& settings) {
    const auto refuse = [&](const char* what) {
        return std::unexpected("cannot ask " + settings.server.to_string() + " port " +
                               std::to_string(settings.port) + ": " + what + ": " + std::strerror(errno));
    };
    Descriptor fd(
        ::socket(settings.server.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return refuse("opening a socket");
    if (settings.answerer == Answerer::this_host && !accept_loopback_only(fd.get()))
        return refuse("attaching the filter");
    if (settings.local.size() != 0) {
        const SocketAddress local(settings.local, 0);
        if (::bind(fd.get(), local.get(), local.length) != 0)
            return refuse("binding a socket");
    }
    const SocketAddress server(settings.server, settings.port);
    if (::connect(fd.get(), server.get(), server.length) != 0)
        return refuse("connecting");
    SocketAddress own;
    own.length = sizeof own.storage;
    if (::getsockname(fd.get(), own.get(), &own.length) != 0)
        return refuse("asking for the own address");
    return OptionsSocket(std::move(fd),
                         Question(own.address(), own.port(),
                                  settings.service.size() == 0 ? settings.server : settings.service,
                                  settings.port, settings.token));
}

void OptionsSocket::ask() noexcept {
    const std::string_view text = question_.next();
    // A refusal of the question before that nobody has read stops one send; the next one leaves.
    for (int attempt = 0; attempt < 2; ++attempt)
        if (::send(fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
            errno != ECONNREFUSED)
            return;
}

OptionsSocket::Received OptionsSocket::receive() noexcept {
    std::array<char, datagram_max> datagram; // written by recv
    const ssize_t length = ::recv(fd_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
    if (length < 0)
        return errno == ECONNREFUSED                     ? Received::refused
               : errno == EAGAIN || errno == EWOULDBLOCK ? Received::nothing
                                                         : Received::foreign;
    const auto number = question_.answered_by({datagram.data(), static_cast<std::size_t>(length)});
    if (!number)
        return Received::foreign;
    return *number == question_.number() ? Received::answer : Received::late;
}

} // namespace tandem::watch
