// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/ethernet.hh"

#include "dataplane/wire/octets.hh"

#include <algorithm>

namespace tandem::wire {

std::expected<EthernetFrame, PacketError> parse_ethernet(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.size() < EthernetFrame::header_size)
        return std::unexpected(PacketError::truncated);
    EthernetFrame frame;
    std::copy_n(bytes.begin(), 6, frame.destination.octets.begin());
    std::copy_n(bytes.begin() + 6, 6, frame.source.octets.begin());
    frame.ether_type = load_be<std::uint16_t>(bytes, 12);
    std::size_t offset = EthernetFrame::header_size;
    std::size_t tags = 0;
    while (frame.ether_type == ether_type_vlan || frame.ether_type == ether_type_service_vlan) {
        if (tags == EthernetFrame::tags_max)
            return std::unexpected(PacketError::header_length);
        if (bytes.size() - offset < 4)
            return std::unexpected(PacketError::truncated);
        if (tags == 0)
            frame.vlan = load_be<std::uint16_t>(bytes, offset) & 0x0fffU;
        frame.ether_type = load_be<std::uint16_t>(bytes, offset + 2);
        offset += 4;
        ++tags;
    }
    frame.payload = bytes.subspan(offset);
    return frame;
}

std::size_t write_ethernet(std::span<std::uint8_t> out, const MacAddress& destination,
                           const MacAddress& source, std::uint16_t ether_type) noexcept {
    if (out.size() < EthernetFrame::header_size)
        return 0;
    std::copy(destination.octets.begin(), destination.octets.end(), out.begin());
    std::copy(source.octets.begin(), source.octets.end(), out.begin() + 6);
    store_be(out, 12, ether_type);
    return EthernetFrame::header_size;
}

} // namespace tandem::wire
