// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/address.hh"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace tandem::wire {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

} // namespace

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
    if (text.size() != 17)
        return std::nullopt;
    MacAddress mac;
    for (std::size_t i = 0; i < 6; ++i) {
        const int high = hex_value(text[i * 3]);
        const int low = hex_value(text[i * 3 + 1]);
        if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != ':'))
            return std::nullopt;
        mac.octets[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return mac;
}

std::string MacAddress::to_string() const {
    std::string text;
    for (std::size_t i = 0; i < octets.size(); ++i) {
        if (i > 0)
            text += ':';
        text += hex_digits[octets[i] >> 4];
        text += hex_digits[octets[i] & 15];
    }
    return text;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    char buffer[INET6_ADDRSTRLEN]{};
    if (text.empty() || text.size() >= sizeof buffer)
        return std::nullopt;
    std::memcpy(buffer, text.data(), text.size());
    IpAddress address;
    if (inet_pton(AF_INET, buffer, address.octets.data()) == 1)
        address.family = Family::ipv4;
    else if (inet_pton(AF_INET6, buffer, address.octets.data()) == 1)
        address.family = Family::ipv6;
    else
        return std::nullopt;
    return address;
}

std::string IpAddress::to_string() const {
    if (family == Family::none)
        return "none";
    char buffer[INET6_ADDRSTRLEN]{};
    inet_ntop(is_v4() ? AF_INET : AF_INET6, octets.data(), buffer, sizeof buffer);
    return buffer;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address)
        return std::nullopt;
    unsigned length = address->bits();
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
        if (error != std::errc{} || end != digits.data() + digits.size() || length > address->bits())
            return std::nullopt;
    }
    return Prefix{*address, static_cast<std::uint8_t>(length)};
}

std::string Prefix::to_string() const {
    return address.to_string() + "/" + std::to_string(length);
}

bool Prefix::contains(const IpAddress& other) const {
    if (other.family != address.family || length > address.bits())
        return false;
    const std::size_t whole = length / 8U;
    if (std::memcmp(address.octets.data(), other.octets.data(), whole) != 0)
        return false;
    const unsigned rest = length % 8U;
    if (rest == 0)
        return true;
    const auto mask = static_cast<std::uint8_t>(0xff00U >> rest);
    return (address.octets[whole] & mask) == (other.octets[whole] & mask);
}

} // namespace tandem::wire
