// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/watch/responder.hh"

#include "control/watch/descriptor.hh"
#include "dataplane/wire/sip.hh"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>

namespace tandem::testing {

Responder::Responder(const wire::IpAddress& address, std::uint16_t port)
    : answer(ok_to)
    , fd_(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const watch::SocketAddress local(address, port);
    BOOST_REQUIRE_MESSAGE(::bind(fd_.get(), local.get(), local.length) == 0,
                          "binding to " + address.to_string() + ": " + std::strerror(errno));
}

std::size_t Responder::read(bool answering) {
    std::size_t count = 0;
    std::array<char, 4096> buffer{};
    while (true) {
        watch::SocketAddress from;
        from.length = sizeof from.storage;
        const ssize_t length =
            ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, from.get(), &from.length);
        if (length < 0)
            return count;
        ++count;
        const std::string text =
            answering ? answer(std::string(buffer.data(), static_cast<std::size_t>(length))) : std::string{};
        if (!text.empty())
            static_cast<void>(::sendto(fd_.get(), text.data(), text.size(), 0, from.get(), from.length));
    }
}

std::size_t Responder::serve() {
    return read(true);
}

std::size_t Responder::swallow() {
    return read(false);
}

void settle(const World& world) {
    constexpr std::uint16_t port = 9998;
    for (const auto& [node, host] :
         {std::pair{world.node4, world.host4}, std::pair{world.node6, world.host6}}) {
        Responder here(node, port);
        const Inside there(world.host_space);
        Responder far(host, port);
        const UdpSocket from_host(host, 0);
        const Inside back(world.node_space);
        const UdpSocket from_node(node, 0);
        BOOST_REQUIRE(eventually([&] {
            from_node.send_to("there", host, port);
            return far.swallow() > 0;
        }));
        BOOST_REQUIRE(eventually([&] {
            from_host.send_to("back", node, port);
            return here.swallow() > 0;
        }));
    }
}

void settle(const wire::IpAddress& own) {
    BOOST_REQUIRE(
        eventually([&] { return output_of("ip route get " + own.to_string()).starts_with("local "); }));
}

std::string ok_to(const std::string& question) {
    const auto message = wire::parse_sip(question);
    if (!message)
        return {};
    return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP host;branch=" + std::string(message->via.branch) +
           "\r\nFrom: <" + std::string(message->from.uri) + ">;tag=" + std::string(message->from.tag) +
           "\r\nTo: <" + std::string(message->to.uri) +
           ">;tag=server\r\nCall-ID: " + std::string(message->call_id) +
           "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
}

std::string ok_to_somebody_else(const std::string& question) {
    std::string text = ok_to(question);
    const std::size_t id = text.find("Call-ID: ") + 9;
    for (std::size_t i = id; i < id + 4; ++i)
        text[i] = text[i] == '0' ? '1' : '0';
    return text;
}

} // namespace tandem::testing
