// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/announce/announce.hh"

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ndp.hh"

namespace tandem::announce {

namespace {

static_assert(Frame::size_max >= wire::ArpFrame::size && Frame::size_max >= wire::NdpFrame::size_max);

Frame frame_of(const wire::ArpFrame& arp) {
    Frame frame;
    frame.length = static_cast<std::uint16_t>(wire::write_arp(frame.bytes, arp));
    return frame;
}

Frame frame_of(const wire::NdpFrame& ndp) {
    Frame frame;
    frame.length = static_cast<std::uint16_t>(wire::write_ndp(frame.bytes, ndp));
    return frame;
}

} // namespace

std::vector<Frame> announcement(wire::MacAddress source, std::span<const wire::IpAddress> vips) {
    std::vector<Frame> frames;
    for (const auto& vip : vips) {
        if (vip.is_v4()) {
            frames.push_back(frame_of(wire::gratuitous_arp_request(source, vip)));
            frames.push_back(frame_of(wire::gratuitous_arp_reply(source, vip)));
        } else if (vip.is_v6()) {
            frames.push_back(frame_of(wire::unsolicited_advertisement(source, vip)));
        }
    }
    return frames;
}

std::vector<Frame> probe(wire::MacAddress source, std::span<const wire::IpAddress> vips) {
    std::vector<Frame> frames;
    for (const auto& vip : vips) {
        if (vip.is_v4())
            frames.push_back(frame_of(wire::arp_probe(source, vip)));
        else if (vip.is_v6())
            frames.push_back(frame_of(wire::neighbour_probe(source, vip)));
    }
    return frames;
}

} // namespace tandem::announce
