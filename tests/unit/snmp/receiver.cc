// SPDX-License-Identifier: GPL-3.0-or-later
#include "receiver.hh"

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace tandem::snmp {

std::vector<Element> read_elements(const std::string& octets) {
    std::vector<Element> out;
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(octets.at(i)); };
    for (std::size_t at = 0; at < octets.size();) {
        Element element;
        element.tag = octet(at++);
        std::size_t size = octet(at++);
        if (size >= 0x80) {
            std::size_t count = size & 0x7fU;
            for (size = 0; count > 0; --count)
                size = size << 8U | octet(at++);
        }
        BOOST_REQUIRE(at + size <= octets.size());
        element.content = octets.substr(at, size);
        at += size;
        out.push_back(std::move(element));
    }
    return out;
}

std::vector<Element> Element::parts() const {
    return read_elements(content);
}

std::uint64_t Element::number() const {
    std::uint64_t out = 0;
    for (const char c : content)
        out = out << 8U | static_cast<unsigned char>(c);
    return out;
}

std::string Element::oid() const {
    std::string out;
    std::uint64_t number = 0;
    for (const char c : content) {
        number = number << 7U | (static_cast<unsigned char>(c) & 0x7fU);
        if ((static_cast<unsigned char>(c) & 0x80U) != 0)
            continue;
        out += out.empty() ? std::to_string(number / 40) + "." + std::to_string(number % 40)
                           : "." + std::to_string(number);
        number = 0;
    }
    return out;
}

Message read_message(const std::string& octets) {
    Message out;
    out.octets = octets;
    const auto whole = read_elements(octets);
    BOOST_REQUIRE(whole.size() == 1U);
    const auto parts = whole[0].parts();
    BOOST_REQUIRE(parts.size() == 3U);
    out.version = parts[0].number();
    out.community = parts[1].content;
    out.command = parts[2].tag;
    const auto pdu = parts[2].parts();
    BOOST_REQUIRE(pdu.size() == 4U);
    for (const Element& object : pdu[3].parts()) {
        const auto pair = object.parts();
        BOOST_REQUIRE(pair.size() == 2U);
        out.objects.emplace_back(pair[0].oid(), pair[1]);
    }
    return out;
}

Receiver::Receiver(bool six)
    : socket_(::socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 address6{};
    address6.sin6_family = AF_INET6;
    address6.sin6_addr = in6addr_loopback;
    sockaddr_in address4{};
    address4.sin_family = AF_INET;
    address4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = six ? reinterpret_cast<sockaddr*>(&address6) : reinterpret_cast<sockaddr*>(&address4);
    socklen_t size = six ? sizeof address6 : sizeof address4;
    BOOST_REQUIRE(::bind(socket_, address, size) == 0);
    BOOST_REQUIRE(::getsockname(socket_, address, &size) == 0);
    port_ = ntohs(six ? address6.sin6_port : address4.sin_port);
}

Receiver::~Receiver() {
    ::close(socket_);
}

std::optional<std::string> Receiver::next(int wait_ms) {
    pollfd polled{socket_, POLLIN, 0};
    if (::poll(&polled, 1, wait_ms) <= 0)
        return std::nullopt;
    std::array<char, 65536> buffer{};
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t count =
        ::recvfrom(socket_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    BOOST_REQUIRE(count > 0);
    peer_.assign(reinterpret_cast<const char*>(&from), size);
    return std::string(buffer.data(), static_cast<std::size_t>(count));
}

/// The same PDU with the tag of a response (RFC 3416 section 4.2.7).
void Receiver::acknowledge(const std::string& inform) {
    std::string answer = inform;
    const std::size_t pdu = answer.find('\xa6');
    BOOST_REQUIRE(pdu != std::string::npos);
    answer[pdu] = '\xa2';
    BOOST_REQUIRE(::sendto(socket_, answer.data(), answer.size(), 0,
                           reinterpret_cast<const sockaddr*>(peer_.data()),
                           static_cast<socklen_t>(peer_.size())) == static_cast<ssize_t>(answer.size()));
}

} // namespace tandem::snmp
