// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Addresses as values.
//
// Problem: an address travels from a configuration file through netlink, ARP frames, HA frames and shared
// memory. Text is ambiguous and `sockaddr` is wide.
// Idea: fixed-size, trivially copyable values in network byte order that can lie in shared memory as they
// are. Deliberately absent: host names, ports, scope ids, anything that asks the system.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tandem::wire {

/// An IEEE 802 MAC address.
struct MacAddress {
    std::array<std::uint8_t, 6> octets{};

    static constexpr MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
    /// Parses `aa:bb:cc:dd:ee:ff`, either case.
    static std::optional<MacAddress> parse(std::string_view text);
    std::string to_string() const;
    constexpr bool operator==(const MacAddress&) const = default;
};
static_assert(sizeof(MacAddress) == 6);

enum class Family : std::uint8_t { none = 0, ipv4 = 4, ipv6 = 6 };

/// An IPv4 or IPv6 address in network byte order. IPv4 uses the first four octets, the rest are zero.
struct IpAddress {
    std::array<std::uint8_t, 16> octets{};
    Family family{Family::none};
    std::array<std::uint8_t, 3> unused{};

    static constexpr IpAddress v4(std::array<std::uint8_t, 4> o) {
        IpAddress a;
        a.family = Family::ipv4;
        for (std::size_t i = 0; i < 4; ++i)
            a.octets[i] = o[i];
        return a;
    }
    static constexpr IpAddress v6(const std::array<std::uint8_t, 16>& o) {
        IpAddress a;
        a.family = Family::ipv6;
        a.octets = o;
        return a;
    }
    /// Parses a numeric IPv4 or IPv6 address; no names, no scope, no prefix.
    static std::optional<IpAddress> parse(std::string_view text);
    std::string to_string() const;

    constexpr bool is_v4() const { return family == Family::ipv4; }
    constexpr bool is_v6() const { return family == Family::ipv6; }
    /// Octets that count: 4, 16, or 0 for none.
    constexpr std::size_t size() const { return is_v4() ? 4U : is_v6() ? 16U : 0U; }
    /// Length in bits of a host prefix: 32, 128 or 0.
    constexpr unsigned bits() const { return static_cast<unsigned>(size()) * 8U; }
    std::span<const std::uint8_t> bytes() const { return {octets.data(), size()}; }
    constexpr auto operator<=>(const IpAddress&) const = default;
};
static_assert(sizeof(IpAddress) == 20);

/// An address block: `address` with only the first `length` bits significant.
struct Prefix {
    IpAddress address;
    std::uint8_t length{0};

    /// Parses `10.0.0.0/24`; an address without a slash is a host prefix. Host bits are kept.
    static std::optional<Prefix> parse(std::string_view text);
    std::string to_string() const;
    bool contains(const IpAddress& other) const;
    constexpr auto operator<=>(const Prefix&) const = default;
};

} // namespace tandem::wire
