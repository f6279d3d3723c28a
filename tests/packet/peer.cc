// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/packet/peer.hh"

#include "dataplane/wire/ha_frame.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace packet_suite {

using namespace tandem;

contract::MirrorLink test_keys() {
    contract::MirrorLink link;
    link.current.association = 77;
    link.current.transmit.key.fill(1);
    link.current.transmit.iv.fill(2);
    link.current.receive.key.fill(3);
    link.current.receive.iv.fill(4);
    return link;
}

Peer::Peer(int descriptor)
    : descriptor_(descriptor)
    , opener_(test_keys().current.transmit)
    , sealer_(test_keys().current.receive) {}

Peer::~Peer() {
    ::close(descriptor_);
}

void Peer::poll() {
    std::array<std::uint8_t, 65'536> datagram{};
    std::array<std::uint8_t, 65'536> plain{};
    for (;;) {
        const ssize_t length = ::recv(descriptor_, datagram.data(), datagram.size(), MSG_DONTWAIT);
        if (length < 0)
            return;
        const auto bytes = std::span(datagram).first(static_cast<std::size_t>(length));
        const auto header = wire::read_ha_header(bytes);
        if (header && header->type == wire::HaType::mirror_clear && header->association == 0) {
            ++clear;
            take(bytes.subspan(wire::HaHeader::size));
            continue;
        }
        if (!header || header->type != wire::HaType::mirror || header->association != 77) {
            ++garbage;
            continue;
        }
        if (!window_.fresh(header->sequence)) {
            ++replayed;
            continue;
        }
        const auto opened = opener_.open(header->sequence, bytes.first(wire::HaHeader::size),
                                         bytes.subspan(wire::HaHeader::size), plain);
        if (!opened) {
            ++garbage;
            continue;
        }
        window_.accept(header->sequence);
        take(std::span(plain).first(*opened));
    }
}

void Peer::take(std::span<const std::uint8_t> plain) {
    const auto frame = path::read_frame(plain);
    if (!frame) {
        ++garbage;
    } else if (const auto* packet = std::get_if<path::PacketFrame>(&*frame)) {
        mirrored.emplace_back(packet->packet.begin(), packet->packet.end());
    } else if (const auto* moved = std::get_if<path::RedirectedFrame>(&*frame)) {
        redirected.emplace_back(moved->packet.begin(), moved->packet.end());
    } else if (const auto* mark = std::get_if<path::MarkFrame>(&*frame)) {
        ++marks;
        stream = mark->stream;
    } else if (const auto* report = std::get_if<path::ReportFrame>(&*frame)) {
        ++reports;
        reported_handled = report->handled;
    }
}

void Peer::send(std::span<const std::uint8_t> frame) {
    last_.assign(wire::HaHeader::size + frame.size() + seal::tag_size, 0);
    wire::HaHeader header;
    header.type = wire::HaType::mirror;
    header.association = 77;
    header.sequence = sequence_++;
    const std::span<std::uint8_t> out{last_};
    wire::write(header, out.first(wire::HaHeader::size));
    sealer_.seal(header.sequence, out.first(wire::HaHeader::size), frame, out.subspan(wire::HaHeader::size));
    send_raw(last_);
}

void Peer::send_clear(std::span<const std::uint8_t> frame) {
    last_.assign(wire::HaHeader::size + frame.size(), 0);
    const std::span<std::uint8_t> out{last_};
    wire::write({wire::ha_version, wire::HaType::mirror_clear, 0, sequence_++},
                out.first(wire::HaHeader::size));
    std::ranges::copy(frame, out.subspan(wire::HaHeader::size).begin());
    send_raw(last_);
}

void Peer::send_raw(std::span<const std::uint8_t> datagram) {
    if (::send(descriptor_, datagram.data(), datagram.size(), 0) < 0)
        ::send(descriptor_, datagram.data(), datagram.size(),
               0); // the first was the echo of "port unreachable"
}

} // namespace packet_suite
