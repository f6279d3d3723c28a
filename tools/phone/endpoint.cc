// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/endpoint.hh"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tandem::phone {

std::string Endpoint::to_string() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (family() == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &storage, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        return std::string(text) + ":" + std::to_string(ntohs(in.sin_port));
    }
    sockaddr_in6 in6{};
    std::memcpy(&in6, &storage, sizeof in6);
    inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(in6.sin6_port));
}

std::expected<Endpoint, std::string> parse_endpoint(const std::string& text, std::uint16_t default_port) {
    std::string host = text;
    std::uint16_t port = default_port;
    const auto refuse = [&] { return std::unexpected("not an address and port: " + text); };
    const auto colons = std::ranges::count(text, ':');
    if (text.starts_with('[') || colons == 1) {
        const auto colon = text.starts_with('[') ? text.find("]:") : text.find(':');
        if (colon == std::string::npos)
            return refuse();
        const bool bracketed = text.starts_with('[');
        host = bracketed ? text.substr(1, colon - 1) : text.substr(0, colon);
        const std::string digits = text.substr(colon + (bracketed ? 2 : 1));
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (error != std::errc{} || end != digits.data() + digits.size())
            return refuse();
    }
    Endpoint endpoint;
    sockaddr_in in{};
    sockaddr_in6 in6{};
    if (inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1) {
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&endpoint.storage, &in, sizeof in);
        endpoint.size = sizeof in;
    } else if (inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) {
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(port);
        std::memcpy(&endpoint.storage, &in6, sizeof in6);
        endpoint.size = sizeof in6;
    } else {
        return refuse();
    }
    return endpoint;
}

} // namespace tandem::phone
