// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/tcp.hh"

#include "dataplane/wire/octets.hh"

namespace tandem::wire {

std::expected<TcpSegment, PacketError> parse_tcp(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.size() < TcpSegment::header_min)
        return std::unexpected(PacketError::truncated);
    const std::size_t header = static_cast<std::size_t>(bytes[12] >> 4U) * 4;
    if (header < TcpSegment::header_min)
        return std::unexpected(PacketError::header_length);
    if (header > bytes.size())
        return std::unexpected(PacketError::truncated);
    const unsigned flags = bytes[13];
    TcpSegment segment;
    segment.source_port = load_be<std::uint16_t>(bytes, 0);
    segment.destination_port = load_be<std::uint16_t>(bytes, 2);
    segment.sequence = load_be<std::uint32_t>(bytes, 4);
    segment.acknowledgement = load_be<std::uint32_t>(bytes, 8);
    segment.fin = (flags & 0x01U) != 0;
    segment.syn = (flags & 0x02U) != 0;
    segment.rst = (flags & 0x04U) != 0;
    segment.ack = (flags & 0x10U) != 0;
    segment.payload = bytes.subspan(header);
    return segment;
}

} // namespace tandem::wire
