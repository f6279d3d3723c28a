// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/look_filter.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/octets.hh"

namespace tandem::watch {

namespace {

// Offsets into the frame. IPv4: RFC 791 section 3.1; IPv6: RFC 8200 section 3.
constexpr std::uint32_t at_ether_type = 12;
constexpr std::uint32_t at_ip = 14;
constexpr std::uint32_t at_ipv4_fragment = at_ip + 6;
constexpr std::uint32_t at_ipv4_protocol = at_ip + 9;
constexpr std::uint32_t at_ipv4_source = at_ip + 12;
constexpr std::uint32_t at_ipv4_destination = at_ip + 16;
constexpr std::uint32_t at_ipv6_next_header = at_ip + 6;
constexpr std::uint32_t at_ipv6_source = at_ip + 8;
constexpr std::uint32_t at_ipv6_destination = at_ip + 24;
constexpr std::uint32_t at_ipv6_payload = at_ip + 40;
constexpr std::uint32_t fragment_bits = 0x3fff; // more fragments, and the offset
constexpr std::uint32_t whole_frame = 0x40000;

/// Every test refuses on the spot, by a return of its own.
class Program {
public:
    void load(std::uint16_t size, std::uint32_t offset) {
        add(static_cast<std::uint16_t>(BPF_LD | size | BPF_ABS), offset);
    }
    void load_indexed(std::uint16_t size, std::uint32_t offset) {
        add(static_cast<std::uint16_t>(BPF_LD | size | BPF_IND), offset);
    }
    void want(std::uint32_t value) {
        add(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
        add(BPF_RET | BPF_K, 0);
    }
    void want_none_of(std::uint32_t bits) {
        add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
        add(BPF_RET | BPF_K, 0);
    }
    void want_address(std::uint32_t offset, const wire::IpAddress& address) {
        for (std::uint32_t i = 0; i < address.size(); i += 4) {
            load(BPF_W, offset + i);
            want(wire::load_be<std::uint32_t>(address.bytes(), i));
        }
    }
    void index_by_ipv4_header() { add(BPF_LDX | BPF_B | BPF_MSH, at_ip); }
    void accept() { add(BPF_RET | BPF_K, whole_frame); }
    std::vector<sock_filter> take() { return std::move(code_); }

private:
    void add(std::uint16_t code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
        code_.push_back({.code = code, .jt = yes, .jf = no, .k = k});
    }
    std::vector<sock_filter> code_;
};

} // namespace

std::vector<sock_filter> look_filter(const wire::IpAddress& from, std::uint16_t from_port,
                                     const wire::IpAddress& to, std::uint16_t to_port) {
    Program program;
    const std::uint32_t ports = static_cast<std::uint32_t>(from_port) << 16U | to_port;
    if (from.is_v4() && to.is_v4()) {
        program.load(BPF_H, at_ether_type);
        program.want(wire::ether_type_ipv4);
        program.load(BPF_B, at_ipv4_protocol);
        program.want(wire::protocol_udp);
        program.load(BPF_H, at_ipv4_fragment);
        program.want_none_of(fragment_bits);
        program.want_address(at_ipv4_source, from);
        program.want_address(at_ipv4_destination, to);
        program.index_by_ipv4_header();
        program.load_indexed(BPF_W, at_ip);
        program.want(ports);
        program.accept();
    } else if (from.is_v6() && to.is_v6()) {
        program.load(BPF_H, at_ether_type);
        program.want(wire::ether_type_ipv6);
        program.load(BPF_B, at_ipv6_next_header);
        program.want(wire::protocol_udp);
        program.want_address(at_ipv6_source, from);
        program.want_address(at_ipv6_destination, to);
        program.load(BPF_W, at_ipv6_payload);
        program.want(ports);
        program.accept();
    }
    return program.take();
}

} // namespace tandem::watch
