// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/announce/claim_filter.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/ndp.hh"
#include "dataplane/wire/octets.hh"

#include <linux/if_packet.h>

#include <cstdint>

namespace tandem::announce {

namespace {

// Offsets into the frame. ARP: RFC 826; IPv6: RFC 8200 section 3; advertisement: RFC 4861 section 4.4.
constexpr std::uint32_t at_source_mac = 6;
constexpr std::uint32_t at_ether_type = 12;
constexpr std::uint32_t at_arp_hardware = 14;
constexpr std::uint32_t at_arp_protocol = 16;
constexpr std::uint32_t at_arp_lengths = 18;
constexpr std::uint32_t at_arp_operation = 20;
constexpr std::uint32_t at_arp_sender_ip = 28;
constexpr std::uint32_t at_ipv6_next_header = 20;
constexpr std::uint32_t at_ipv6_hop_limit = 21;
constexpr std::uint32_t at_icmp_type = 54;
constexpr std::uint32_t at_ndp_target = 62;

constexpr std::uint32_t kernel_field(int field) {
    return static_cast<std::uint32_t>(SKF_AD_OFF + field);
}

/// Writes the program from top to bottom. Every test decides on the spot, by a return of its own, so that no
/// jump is long: conditional jumps reach only 255 instructions.
class Program {
public:
    void load_word(std::uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset); }
    void load_half(std::uint32_t offset) { add(BPF_LD | BPF_H | BPF_ABS, offset); }
    void load_octet(std::uint32_t offset) { add(BPF_LD | BPF_B | BPF_ABS, offset); }
    void mask(std::uint32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, bits); }

    void refuse_unless(std::uint32_t value) {
        skip_if(value, 1, 0);
        refuse();
    }
    void refuse_if(std::uint32_t value) {
        skip_if(value, 0, 1);
        refuse();
    }
    /// Skips the next `equal` or `other` instructions.
    void skip_if(std::uint32_t value, std::uint8_t equal, std::uint8_t other) {
        instructions_.push_back({.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = equal, .jf = other, .k = value});
    }
    void accept() { add(BPF_RET | BPF_K, claim_frame_max); }
    void refuse() { add(BPF_RET | BPF_K, 0); }

    /// A jump of any length, whose target is set when it is known.
    std::size_t jump() {
        add(BPF_JMP | BPF_JA, 0);
        return instructions_.size() - 1;
    }
    void land(std::size_t jump) {
        instructions_[jump].k = static_cast<std::uint32_t>(instructions_.size() - jump - 1);
    }

    std::vector<sock_filter> take() { return std::move(instructions_); }

private:
    void add(unsigned code, std::uint32_t k) {
        instructions_.push_back({.code = static_cast<std::uint16_t>(code), .jt = 0, .jf = 0, .k = k});
    }
    std::vector<sock_filter> instructions_;
};

void from_outside(Program& program, const wire::MacAddress& own) {
    program.load_word(kernel_field(SKF_AD_PKTTYPE));
    program.refuse_if(PACKET_OUTGOING);
    // A frame of a VLAN on the same wire is seen here with its tag taken off; tag 0 is only a priority.
    program.load_word(kernel_field(SKF_AD_VLAN_TAG));
    program.mask(0x0fff);
    program.refuse_unless(0);
    program.load_word(at_source_mac);
    program.skip_if(wire::load_be<std::uint32_t>(own.octets, 0), 0, 3);
    program.load_half(at_source_mac + 4);
    program.refuse_if(wire::load_be<std::uint16_t>(own.octets, 4));
}

void arp_claims(Program& program, std::span<const wire::IpAddress> vips) {
    program.load_half(at_arp_hardware);
    program.refuse_unless(1);
    program.load_half(at_arp_protocol);
    program.refuse_unless(wire::ether_type_ipv4);
    program.load_half(at_arp_lengths);
    program.refuse_unless(0x0604);
    program.load_half(at_arp_operation);
    program.skip_if(1, 2, 0);
    program.skip_if(2, 1, 0);
    program.refuse();
    program.load_word(at_arp_sender_ip);
    for (const auto& vip : vips) {
        if (!vip.is_v4())
            continue;
        program.skip_if(wire::load_be<std::uint32_t>(vip.octets, 0), 0, 1);
        program.accept();
    }
    program.refuse();
}

void advertisement_claims(Program& program, std::span<const wire::IpAddress> vips) {
    program.load_half(at_ether_type);
    program.refuse_unless(wire::ether_type_ipv6);
    program.load_octet(at_ipv6_next_header);
    program.refuse_unless(wire::protocol_icmpv6);
    program.load_octet(at_ipv6_hop_limit);
    program.refuse_unless(255); // RFC 4861 section 7.1.2
    program.load_octet(at_icmp_type);
    program.refuse_unless(static_cast<std::uint32_t>(wire::NdpType::advertisement));
    constexpr std::size_t words = 4;
    for (const auto& vip : vips) {
        if (!vip.is_v6())
            continue;
        for (std::size_t i = 0; i < words; ++i) {
            program.load_word(at_ndp_target + static_cast<std::uint32_t>(4 * i));
            // To the next VIP: past the rest of the words, two instructions each, and the acceptance.
            const auto rest = static_cast<std::uint8_t>(2 * (words - 1 - i) + 1);
            program.skip_if(wire::load_be<std::uint32_t>(vip.octets, 4 * i), 0, rest);
        }
        program.accept();
    }
    program.refuse();
}

} // namespace

std::vector<sock_filter> claim_filter(const wire::MacAddress& own, std::span<const wire::IpAddress> vips) {
    Program program;
    from_outside(program, own);
    program.load_half(at_ether_type);
    program.skip_if(wire::ether_type_arp, 1, 0);
    const std::size_t not_arp = program.jump();
    arp_claims(program, vips);
    program.land(not_arp);
    advertisement_claims(program, vips);
    return program.take();
}

} // namespace tandem::announce
