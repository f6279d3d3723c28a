// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/values.hh"

#include <algorithm>
#include <array>

namespace tandem::config {
namespace {

constexpr std::size_t name_length_max = 32;

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= name_length_max && std::ranges::all_of(text, [](char c) {
        return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
    });
}

bool is_interface_name(std::string_view text) {
    return !text.empty() && text.size() < contract::interface_name_max && text != "." && text != ".." &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '/' && c != ':'; });
}

/// fe80::/10
bool is_link_local(const wire::IpAddress& address) {
    return address.is_v6() && address.octets[0] == 0xfe && (address.octets[1] & 0xc0) == 0x80;
}

/// Addresses that no service and no HA path can have.
std::string_view unusable(const wire::IpAddress& address) {
    const auto& o = address.octets;
    if (address.is_v4()) {
        if (o[0] == 0)
            return "is not the address of a host";
        if (o[0] >= 224)
            return o[0] < 240 ? "is a multicast address" : "is reserved";
        return {};
    }
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (o == std::array<std::uint8_t, 16>{})
        return "is not the address of a host";
    if (o[0] == 0xff)
        return "is a multicast address";
    if (is_link_local(address))
        return "is link-local, which needs an interface beside it";
    if (std::equal(mapped.begin(), mapped.end(), o.begin()))
        return "is an IPv4 address written as IPv6";
    return {};
}

bool is_loopback(const wire::IpAddress& address) {
    std::array<std::uint8_t, 16> one{};
    one[15] = 1;
    return address.is_v4() ? address.octets[0] == 127 : address.octets == one;
}

/// The first and the last address of an IPv4 network are no host's (RFC 1122 section 3.2.1.3), unless the
/// network has but two or one.
bool is_edge_of_network(const wire::Prefix& prefix) {
    if (!prefix.address.is_v4() || prefix.length > 30)
        return false;
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i)
        number = number << 8U | prefix.address.octets[i];
    const std::uint32_t host_bits = 0xffffffffU >> prefix.length;
    return (number & host_bits) == 0 || (number & host_bits) == host_bits;
}

} // namespace

void take_name(Section& section, std::string_view key, Presence presence, std::string& out, Place* place) {
    const auto found = section.text(key, presence);
    if (!found)
        return;
    if (place != nullptr)
        *place = found->place;
    if (is_name(found->value))
        out = found->value;
    else
        section.complain(found->place, "\"" + std::string{key} + "\" cannot be " + quoted(found->value),
                         "a name has 1 to 32 characters: letters, digits, \"-\", \"_\", \".\"");
}

void take_interface(Section& section, std::string_view key, Presence presence, std::string& out,
                    Place& place) {
    const auto found = section.text(key, presence);
    if (!found)
        return;
    place = found->place;
    if (is_interface_name(found->value))
        out = found->value;
    else
        section.complain(
            found->place, quoted(found->value) + " cannot be the name of an interface",
            "an interface name has 1 to 15 characters, without blanks, \"/\" and \":\"; see ip link");
}

void take_file_name(Section& section, std::string_view key, std::size_t length_max, std::string& out,
                    Place* place) {
    const auto found = section.text(key, Presence::optional);
    if (!found)
        return;
    if (place != nullptr)
        *place = found->place;
    const std::string& text = found->value;
    if (!text.starts_with('/') || text.find('\0') != std::string::npos)
        section.complain(found->place, "\"" + std::string{key} + "\" is not an absolute path",
                         "it must begin with \"/\"");
    else if (text.size() > length_max)
        section.complain(found->place, "\"" + std::string{key} + "\" is too long",
                         "at most " + std::to_string(length_max) + " characters");
    else
        out = text;
}

std::optional<wire::Prefix> read_prefix(Section& section, const Placed<std::string>& text) {
    const auto prefix = wire::Prefix::parse(text.value);
    if (!prefix) {
        section.complain(text.place, quoted(text.value) + " is not an IP address",
                         "write it in figures, for example \"10.0.0.10\" or \"2001:db8::10\"");
        return std::nullopt;
    }
    if (const auto why = unusable(prefix->address); !why.empty()) {
        section.complain(text.place, quoted(text.value) + " " + std::string{why}, "use a unicast address");
        return std::nullopt;
    }
    return prefix;
}

std::optional<wire::Prefix> read_vip(Section& section, const Placed<std::string>& text) {
    const auto prefix = read_prefix(section, text);
    if (!prefix)
        return std::nullopt;
    if (is_loopback(prefix->address)) {
        section.complain(text.place, quoted(text.value) + " is a loopback address",
                         "a VIP must be reachable from the network");
        return std::nullopt;
    }
    if (prefix->length == 0 || is_edge_of_network(*prefix)) {
        section.complain(text.place, quoted(text.value) + " is not an address of a host in its network",
                         "check the prefix length, or leave it out");
        return std::nullopt;
    }
    return prefix;
}

wire::IpAddress read_address_beside(Section& section, const Placed<std::string>& text,
                                    std::string_view interface) {
    const auto prefix = wire::Prefix::parse(text.value);
    if (!interface.empty() && prefix && is_link_local(prefix->address) &&
        text.value.find('/') == std::string::npos)
        return prefix->address;
    return read_address(section, text);
}

wire::IpAddress read_address(Section& section, const Placed<std::string>& text) {
    if (text.value.find('/') != std::string::npos) {
        section.complain(text.place, quoted(text.value) + " is a network, not an address",
                         "write the address without \"/\" and prefix length");
        return {};
    }
    const auto prefix = read_prefix(section, text);
    return prefix ? prefix->address : wire::IpAddress{};
}

wire::IpAddress take_address(Section& section, std::string_view key, Place& place) {
    const auto found = section.text(key, Presence::required);
    if (!found)
        return {};
    place = found->place;
    return read_address(section, *found);
}

} // namespace tandem::config
