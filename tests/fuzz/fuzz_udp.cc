// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as a row of SIP datagrams for a VIP, or from one: through inspection, the fast reader and the
// tables of calls, dialogs and registrations, which are small here so that making room is reached by short
// inputs.
#include "dataplane/path/inspect.hh"
#include "dataplane/state/tracker.hh"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tandem;

void require(bool holds) {
    if (!holds)
        std::abort();
}

contract::Policy policy() {
    contract::Policy made;
    made.group_count = 1;
    made.vip_count = 1;
    made.vips[0].address = wire::IpAddress::v4({10, 0, 0, 10});
    made.groups[0].mirroring = contract::Mirroring::on;
    made.groups[0].sip_port_count = 1;
    made.groups[0].sip_ports[0] = 5060;
    return made;
}

/// IPv4 and UDP in front of the octets; checksums are not what is looked at here.
std::vector<std::uint8_t> packet_with(const std::uint8_t* octets, std::size_t size, std::uint8_t phone) {
    std::vector<std::uint8_t> packet{0x45, 0,     0,  0, 0, 0,  0x40, 0,    64,   17,   0, 0, 10, 0,
                                     0,    phone, 10, 0, 0, 10, 0x13, 0xc4, 0x13, 0xc4, 0, 0, 0,  0};
    const auto put = [&packet](std::size_t at, std::size_t value) {
        packet[at] = static_cast<std::uint8_t>(value >> 8U);
        packet[at + 1] = static_cast<std::uint8_t>(value);
    };
    put(2, packet.size() + size);
    put(24, 8 + size);
    packet.insert(packet.end(), octets, octets + size);
    return packet;
}

/// The tables, and what holds of them whatever they are told.
class Tables {
public:
    void see(std::int64_t seconds, std::uint8_t phone, std::string_view text) {
        const state::Instant now{std::chrono::seconds{seconds}};
        const auto source = wire::IpAddress::v4({10, 0, 0, phone});
        tracker_.see(now, {{source, 5060, 0}, static_cast<state::Way>(phone % 3), text});
        tracker_.sweep(now);
        require(tracker_.registrations().size() <= bindings && tracker_.dialogs().size() <= dialogs &&
                tracker_.calls(0) <= calls);
        require(tracker_.registrations().counts().added >= tracker_.registrations().size());
    }

private:
    static constexpr std::size_t calls = 64;
    static constexpr std::size_t bindings = 8;
    static constexpr std::size_t dialogs = 8;
    static constexpr state::Tracker::Limits limits{{bindings, 48}, {dialogs, 48}, calls};

    std::vector<std::uint64_t> binding_memory_ =
        std::vector<std::uint64_t>(state::Registrations::octets(limits.registrations) / 8 + 1);
    std::vector<std::uint64_t> dialog_memory_ =
        std::vector<std::uint64_t>(state::Dialogs::octets(limits.dialogs) / 8 + 1);
    state::Tracker tracker_{{std::as_writable_bytes(std::span{binding_memory_}),
                             std::as_writable_bytes(std::span{dialog_memory_})},
                            limits,
                            7};
};

} // namespace

/// Datagrams follow each other, each behind four octets: phone, seconds that have passed, length. An input
/// that begins with a letter is one datagram, so that messages in files are inputs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const contract::Policy rules = policy();
    const auto tables = std::make_unique<Tables>();
    std::int64_t now = 1;
    const auto take = [&](std::uint8_t phone, const std::uint8_t* octets, std::size_t length) {
        const auto packet = packet_with(octets, length, phone);
        const auto found = path::inspect(packet, rules);
        require(found.kind != path::Kind::not_vip && found.kind != path::Kind::unreadable);
        if (const auto sip = path::sip_text(packet, rules))
            tables->see(now, phone, sip->text);
    };
    if (size > 0 && data[0] >= 'A') {
        take(7, data, size);
        take(8, data, size);
        return 0;
    }
    while (size >= 4) {
        const std::size_t length =
            std::min<std::size_t>(static_cast<std::size_t>(data[2] << 8U | data[3]), size - 4);
        now += data[1] * data[1];
        take(data[0], data + 4, length);
        data += 4 + length;
        size -= 4 + length;
    }
    return 0;
}
