// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/udp.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/octets.hh"

#include <algorithm>

namespace tandem::wire {

std::expected<UdpDatagram, PacketError> parse_udp(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.size() < UdpDatagram::header_size)
        return std::unexpected(PacketError::truncated);
    const std::size_t length = load_be<std::uint16_t>(bytes, 4);
    if (length < UdpDatagram::header_size)
        return std::unexpected(PacketError::total_length);
    if (length > bytes.size())
        return std::unexpected(PacketError::truncated);
    UdpDatagram datagram;
    datagram.source_port = load_be<std::uint16_t>(bytes, 0);
    datagram.destination_port = load_be<std::uint16_t>(bytes, 2);
    datagram.checksum = load_be<std::uint16_t>(bytes, 6);
    datagram.payload = bytes.first(length).subspan(UdpDatagram::header_size);
    return datagram;
}

std::size_t write_udp_packet(std::span<std::uint8_t> out, const UdpFlow& flow,
                             std::span<const std::uint8_t> payload) noexcept {
    constexpr std::size_t datagram_max = 65535;
    if (payload.size() > datagram_max - UdpDatagram::header_size)
        return 0;
    const std::size_t length = UdpDatagram::header_size + payload.size();
    const std::size_t header =
        write_ip(out, flow.source, flow.destination, protocol_udp, flow.hop_limit, length);
    if (header == 0 || out.size() - header < length)
        return 0;
    const auto body = out.subspan(header, length);
    store_be(body, 0, flow.source_port);
    store_be(body, 2, flow.destination_port);
    store_be(body, 4, static_cast<std::uint16_t>(length));
    store_be<std::uint16_t>(body, 6, 0);
    std::copy(payload.begin(), payload.end(), body.subspan(UdpDatagram::header_size).begin());
    const std::uint16_t sum = transport_checksum(flow.source, flow.destination, protocol_udp, body);
    // RFC 768: a computed zero is sent as all ones, because zero means that there is none.
    store_be<std::uint16_t>(body, 6, sum == 0 ? 0xffff : sum);
    return header + length;
}

} // namespace tandem::wire
