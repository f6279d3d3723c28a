// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/pcapng.hh"

#include <algorithm>
#include <cstring>

namespace tandem::wire::pcapng {
namespace {

constexpr std::uint32_t section_block = 0x0a0d0d0a;
constexpr std::uint32_t interface_block = 1;
constexpr std::uint32_t packet_block = 6;
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;

// Options (sections 3.5, 4.1, 4.2 and 4.3 of the draft).
constexpr std::uint16_t option_end = 0;
constexpr std::uint16_t option_comment = 1;
constexpr std::uint16_t option_flags = 2;          // of a packet
constexpr std::uint16_t option_interface_name = 2; // of an interface
constexpr std::uint16_t option_application = 4;    // of a section
constexpr std::uint16_t option_resolution = 9;     // of an interface
constexpr std::size_t option_max = 65'535;

/// Writes in this machine's byte order: the section says which that is.
template <typename T>
void add(Octets& out, T value) {
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&value);
    out.insert(out.end(), octets, octets + sizeof value);
}

void add_padded(Octets& out, std::span<const std::uint8_t> octets) {
    out.insert(out.end(), octets.begin(), octets.end());
    while (out.size() % 4 != 0)
        out.push_back(0);
}

std::span<const std::uint8_t> octets_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void add_option(Octets& out, std::uint16_t code, std::span<const std::uint8_t> value) {
    value = value.first(std::min(value.size(), option_max));
    add(out, code);
    add(out, static_cast<std::uint16_t>(value.size()));
    add_padded(out, value);
}

/// A block around what `content` writes. Blocks begin at multiples of 4 octets, as they are long.
template <typename Content>
void add_block(Octets& out, std::uint32_t type, Content content) {
    const std::size_t begin = out.size();
    add(out, type);
    add<std::uint32_t>(out, 0);
    content();
    add(out, static_cast<std::uint32_t>(out.size() - begin + 4));
    std::memcpy(out.data() + begin + 4, out.data() + out.size() - 4, 4);
}

} // namespace

void add_section(Octets& out, std::string_view application) {
    add_block(out, section_block, [&] {
        add(out, byte_order_magic);
        add<std::uint16_t>(out, 1);
        add<std::uint16_t>(out, 0);
        add<std::int64_t>(out, -1); // length not known
        add_option(out, option_application, octets_of(application));
        add_option(out, option_end, {});
    });
}

void add_interface(Octets& out, std::uint16_t link_type, std::string_view name) {
    add_block(out, interface_block, [&] {
        add(out, link_type);
        add<std::uint16_t>(out, 0);
        add<std::uint32_t>(out, 0); // no limit to what is kept of a packet
        add_option(out, option_interface_name, octets_of(name));
        constexpr std::uint8_t nanoseconds[]{9}; // 10 to the minus 9
        add_option(out, option_resolution, nanoseconds);
        add_option(out, option_end, {});
    });
}

void add_packet(Octets& out, const PacketInfo& info, std::span<const std::uint8_t> octets) {
    add_block(out, packet_block, [&] {
        add(out, info.interface);
        add(out, static_cast<std::uint32_t>(info.at_ns >> 32U));
        add(out, static_cast<std::uint32_t>(info.at_ns));
        add(out, static_cast<std::uint32_t>(octets.size()));
        add(out, info.length);
        add_padded(out, octets);
        if (!info.comment.empty())
            add_option(out, option_comment, octets_of(info.comment));
        Octets flags;
        add(flags, static_cast<std::uint32_t>(info.direction));
        add_option(out, option_flags, flags);
        add_option(out, option_end, {});
    });
}

} // namespace tandem::wire::pcapng
