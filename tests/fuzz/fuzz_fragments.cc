// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as a series of fragments: every token that was kept comes back once, and what is put together
// can be read as one whole packet.
#include "dataplane/path/fragments.hh"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <vector>

namespace {

using namespace tandem;

void require(bool holds) {
    if (!holds)
        std::abort();
}

/// One fragment as a packet. Eight octets say what it is: family and identification, flags, offset, length.
std::vector<std::uint8_t> fragment_from(const std::uint8_t* how, const std::uint8_t* content,
                                        std::size_t available) {
    const bool v4 = (how[0] & 1U) != 0;
    const std::size_t length = std::min<std::size_t>(how[4] * 8U + how[5] % 9U, available);
    const std::uint16_t offset = static_cast<std::uint16_t>((how[2] << 8U | how[3]) & 0x1fffU);
    const bool more = (how[1] & 1U) != 0;
    std::vector<std::uint8_t> packet;
    if (v4) {
        const std::size_t total = 20 + length;
        packet = {0x45,
                  0,
                  static_cast<std::uint8_t>(total >> 8U),
                  static_cast<std::uint8_t>(total),
                  0,
                  how[0],
                  0,
                  0,
                  64,
                  17,
                  0,
                  0,
                  10,
                  0,
                  0,
                  7,
                  10,
                  0,
                  0,
                  10};
        packet[6] = static_cast<std::uint8_t>(offset >> 8U | (more ? 0x20U : 0U));
        packet[7] = static_cast<std::uint8_t>(offset);
    } else {
        const std::size_t total = 8 + length;
        packet.assign(40, 0);
        packet[0] = 0x60;
        packet[4] = static_cast<std::uint8_t>(total >> 8U);
        packet[5] = static_cast<std::uint8_t>(total);
        packet[6] = 44;
        packet[23] = 7;
        packet[39] = 10;
        const auto field = static_cast<std::uint16_t>(offset << 3U | (more ? 1U : 0U));
        packet.insert(packet.end(), {how[6], 0, static_cast<std::uint8_t>(field >> 8U),
                                     static_cast<std::uint8_t>(field), 0, 0, 0, how[0]});
    }
    packet.insert(packet.end(), content, content + length);
    return packet;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t head = 8;
    path::Fragments fragments{
        1, {.packets = 4, .fragments = 16, .octets = 8192, .patience = std::chrono::seconds{3}}};
    std::set<std::uint32_t> kept;
    path::Instant now{};
    std::uint32_t token = 0;
    const auto back = [&kept](std::uint32_t one) { require(kept.erase(one) == 1); };
    while (size >= head) {
        const auto packet = fragment_from(data, data + head, size - head);
        now += std::chrono::milliseconds{data[7]} * 8;
        const std::size_t used = head + std::min<std::size_t>(data[4] * 8U + data[5] % 9U, size - head);
        data += used;
        size -= used;
        fragments.expire(now);
        while (const auto gone = fragments.next_given_up())
            back(*gone);
        const auto ip = wire::parse_ip(packet);
        if (!ip || ip->fragment == wire::Fragment::whole)
            continue;
        const auto outcome = fragments.take(now, *ip, ++token);
        if (outcome == path::Fragmented::kept || outcome == path::Fragmented::whole)
            kept.insert(token);
        if (outcome == path::Fragmented::whole) {
            const auto whole = wire::parse_ip(fragments.packet());
            require(!whole || whole->bytes.size() == fragments.packet().size());
            require(whole || whole.error() != wire::PacketError::truncated || !ip->source.is_v4());
            for (const std::uint32_t part : fragments.tokens())
                back(part);
        }
        while (const auto gone = fragments.next_given_up())
            back(*gone);
    }
    fragments.expire(now + std::chrono::hours{1});
    while (const auto gone = fragments.next_given_up())
        back(*gone);
    require(kept.empty() && fragments.incomplete() == 0);
    return 0;
}
