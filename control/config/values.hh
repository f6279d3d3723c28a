// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Single values of the file: names, files, interfaces, addresses. What is wrong is complained of at its place
// and left as it was.

#include "control/config/section.hh"
#include "dataplane/wire/address.hh"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::config {

inline constexpr std::size_t file_name_length_max = 4095;
/// A Unix socket's path has at most 107 characters; the names behind the folder need the rest.
inline constexpr std::size_t run_dir_length_max = 80;
inline constexpr Range port_range{1, 65535};

template <class T>
void take_integer(Section& section, std::string_view key, Range range, T& out, Place* place = nullptr,
                  Presence presence = Presence::optional) {
    if (const auto found = section.integer(key, range, presence)) {
        out = static_cast<T>(found->value);
        if (place != nullptr)
            *place = found->place;
    }
}

/// A whole number of `Time`'s unit.
template <class Time>
void take_time(Section& section, std::string_view key, Range range, Time& out, Place* place = nullptr) {
    std::int64_t count = out.count();
    take_integer(section, key, range, count, place);
    out = Time{count};
}

/// A name: 1 to 32 letters, digits, "-", "_", ".".
void take_name(Section& section, std::string_view key, Presence presence, std::string& out,
               Place* place = nullptr);

/// The name of a network interface.
void take_interface(Section& section, std::string_view key, Presence presence, std::string& out,
                    Place& place);

/// An absolute path.
void take_file_name(Section& section, std::string_view key, std::size_t length_max, std::string& out,
                    Place* place = nullptr);

/// A unicast address, with a prefix length if the text has one.
std::optional<wire::Prefix> read_prefix(Section& section, const Placed<std::string>& text);

/// An address that a group may have as a VIP.
std::optional<wire::Prefix> read_vip(Section& section, const Placed<std::string>& text);

/// A unicast address without a prefix length; "none" when there is none in `text`.
wire::IpAddress read_address(Section& section, const Placed<std::string>& text);

/// The same; with an interface beside it, the address may be link-local.
wire::IpAddress read_address_beside(Section& section, const Placed<std::string>& text,
                                    std::string_view interface);

/// As read_address(), of a key that must be there.
wire::IpAddress take_address(Section& section, std::string_view key, Place& place);

} // namespace tandem::config
