// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as the content of a mirror datagram, as a packet from outside and as one from the shadow server:
// through the whole packet path of a standby, of an active and of a node that yields.
#include "dataplane/contract/page.hh"
#include "dataplane/path/path.hh"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

namespace {

using namespace tandem;
using Bytes = std::span<const std::uint8_t>;

contract::Policy policy() {
    contract::Policy p;
    p.group_count = 1;
    p.vip_count = 2;
    p.vips[0].address = wire::IpAddress::v4({10, 0, 0, 10});
    p.vips[1].address = *wire::IpAddress::parse("2001:db8::10");
    p.groups[0].mirroring = contract::Mirroring::on;
    p.groups[0].sip_port_count = 1;
    p.groups[0].sip_ports[0] = 5060;
    return p;
}

/// What comes out lies inside what went in or inside the path, and there is an end to it.
void drain(path::Path& path) {
    for (unsigned i = 0; const auto delivery = path.next_delivery(); ++i) {
        if (i > 100'000)
            std::abort();
        path.delivered(*delivery, path::Delivered::yes);
    }
    for (unsigned i = 0; const auto frame = path.next_transmit(); ++i) {
        if (i > 100'000)
            std::abort();
        path.transmitted(frame->kind, path::Sent::yes);
    }
    for (unsigned i = 0; path.next_released(); ++i)
        if (i > 100'000)
            std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Small bounds, so that making room is reached by short inputs.
    path::PathLimits limits;
    limits.sender.packets = 8;
    limits.sender.octets = 4096;
    limits.receiver.packets = 8;
    limits.receiver.octets = 4096;
    limits.held_packets = 4;
    limits.held_octets = 2048;
    limits.deferred_packets = 4;
    limits.deferred_octets = 2048;
    const auto page = std::make_unique<contract::Page>();
    page->policy.write(policy());
    path::Path path{*page, {.stream = 7, .incarnation = 9}, limits};
    std::int64_t now = 1'000'000'000;
    while (size >= 2) {
        // One octet says what it is and what this node is, one how long it is.
        const std::uint8_t what = data[0];
        const std::size_t length = std::min<std::size_t>(data[1], size - 2);
        const Bytes bytes{data + 2, length};
        data += 2 + length;
        size -= 2 + length;
        page->grants[0].role.write({.epoch = 7, .standing = static_cast<contract::Standing>(what & 3U)});
        page->grants[0].expires_ns.store((what & 4U) != 0 ? now + 1'000'000'000 : 0);
        now += 3'000'000;
        path.begin(path::Instant{std::chrono::nanoseconds{now}});
        switch (what >> 6U) {
        case 0:
            path.on_frame(bytes);
            break;
        case 1:
            if (path.on_outside(bytes, what) == path::Action::redirect)
                path.redirected(path::Sent::failed);
            break;
        case 2:
            path.on_shadow(bytes);
            break;
        default:
            break;
        }
        drain(path);
        path.finish();
    }
    return 0;
}
