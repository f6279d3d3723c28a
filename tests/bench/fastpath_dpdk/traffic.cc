// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/fastpath_dpdk/traffic.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/udp.hh"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string_view>

namespace fastpath_bench {
namespace {

using namespace tandem::wire;

constexpr std::size_t messages = 8;

std::string number(std::size_t n) {
    return std::to_string(n);
}

std::string hex(std::uint64_t n) {
    std::string text;
    for (int i = 0; i < 16; ++i, n >>= 4U)
        text += "0123456789abcdef"[n & 15U];
    return text;
}

std::uint64_t mix(std::uint64_t n) {
    n = (n ^ n >> 30U) * 0xbf58476d1ce4e5b9ULL;
    n = (n ^ n >> 27U) * 0x94d049bb133111ebULL;
    return n ^ n >> 31U;
}

IpAddress phone_address(std::size_t user) {
    return IpAddress::v4({10, static_cast<std::uint8_t>(user >> 16U), static_cast<std::uint8_t>(user >> 8U),
                          static_cast<std::uint8_t>(user)});
}

std::string sdp(const std::string& host) {
    return "v=0\r\no=- 3261 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host +
           "\r\nt=0 0\r\nm=audio 8000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
           "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n";
}

/// One of a user's messages.
struct Message {
    std::size_t user;
    std::size_t step;

    std::string host() const { return phone_address(user).to_string(); }
    std::string name() const { return "user" + number(user); }
    std::string tag(std::string_view what) const { return hex(mix(user * 31 + what.size())).substr(0, 10); }

    std::string via(std::string_view what) const {
        return "Via: SIP/2.0/UDP " + host() + ":5060;branch=z9hG4bK-524287-1---" +
               hex(mix(user * 64 + step + what.size() * 7)) + ";rport\r\n";
    }
    std::string contact() const {
        return "Contact: <sip:" + name() + "@" + host() + ":5060;transport=UDP>\r\n";
    }
    std::string from() const {
        return "From: \"" + name() + "\" <sip:" + name() + "@203.0.113.10>;tag=" + tag("caller") + "\r\n";
    }
    std::string call(std::string_view what) const {
        return "Call-ID: " + hex(mix(user * 8 + what.size())) + "@" + host() + "\r\n";
    }
    static std::string end(const std::string& body) {
        return "Content-Length: " + number(body.size()) + "\r\n\r\n" + body;
    }
    static std::string allow() {
        return "Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE, UPDATE\r\n"
               "Supported: replaces, norefersub, outbound, path, timer, 100rel\r\n";
    }
    static std::string agent() {
        return "User-Agent: Desk Phone 5.4.1 (build 8123; firmware 12.0.7)\r\nAllow-Events: presence, kpml, "
               "talk\r\n";
    }
    std::string credentials(std::string_view uri) const {
        return "Authorization: Digest username=\"" + name() + "\", realm=\"203.0.113.10\", nonce=\"" +
               hex(mix(user)) + hex(mix(user + 1)) + "\", uri=\"" + std::string{uri} + "\", response=\"" +
               hex(mix(user + 2)) + hex(mix(user + 3)) + "\", algorithm=MD5, cnonce=\"" + hex(mix(user + 4)) +
               "\", qop=auth, nc=00000001\r\n";
    }

    std::string text() const {
        const std::string peer = "<sip:peer" + number(user) + "@203.0.113.10>";
        const std::string target = " sip:peer" + number(user) + "@203.0.113.10 SIP/2.0\r\n";
        const std::string route = "Route: <sip:203.0.113.10;lr;did=" + tag("route") + ">\r\n";
        switch (step) {
        case 0:
            return "REGISTER sip:203.0.113.10 SIP/2.0\r\n" + via("r") + "Max-Forwards: 70\r\n" + contact() +
                   "To: <sip:" + name() + "@203.0.113.10>\r\n" + from() + call("register") +
                   "CSeq: 2 REGISTER\r\nExpires: 3600\r\n" + allow() + agent() +
                   credentials("sip:203.0.113.10") + end("");
        case 1:
            return "INVITE" + target + via("i") + "Max-Forwards: 70\r\n" + contact() + "To: " + peer +
                   "\r\n" + from() + call("a") + "CSeq: 1 INVITE\r\n" + allow() +
                   "Content-Type: application/sdp\r\n" + agent() + credentials("sip:203.0.113.10") +
                   end(sdp(host()));
        case 2:
            return "ACK" + target + via("ac") + "Max-Forwards: 70\r\n" + contact() + "To: " + peer +
                   ";tag=" + tag("callee+") + "\r\n" + from() + call("a") + "CSeq: 1 ACK\r\n" + route +
                   agent() + end("");
        case 3:
            return "BYE" + target + via("bye") + "Max-Forwards: 70\r\n" + contact() + "To: " + peer +
                   ";tag=" + tag("callee+") + "\r\n" + from() + call("a") + "CSeq: 2 BYE\r\n" + route +
                   allow() + agent() + credentials("sip:203.0.113.10") + end("");
        case 4:
            return "CANCEL" + target + via("canc") + "Max-Forwards: 70\r\nTo: " + peer + "\r\n" + from() +
                   call("other") + "CSeq: 1 CANCEL\r\n" + route + agent() + end("");
        case 5:
            return "OPTIONS" + target + via("opts-") + "Max-Forwards: 70\r\n" + contact() + "To: " + peer +
                   "\r\n" + from() + call("options") + "CSeq: 63104 OPTIONS\r\nAccept: application/sdp\r\n" +
                   allow() + agent() + end("");
        case 6:
            return "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK" +
                   hex(mix(user + 77)) + ".0\r\nRecord-Route: <sip:203.0.113.10;lr;did=" + tag("route") +
                   ">\r\n" + contact() + "To: <sip:" + name() + "@203.0.113.10>;tag=" + tag("called") +
                   "\r\nFrom: " + peer + ";tag=" + tag("calling-") + "\r\n" + call("incoming") +
                   "CSeq: 102 INVITE\r\n" + allow() + agent() + end("");
        default: {
            const bool bye = user % 2 == 1;
            return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK" + hex(mix(user + 78)) +
                   ".0\r\nRecord-Route: <sip:203.0.113.10;lr;did=" + tag("route") + ">\r\n" + contact() +
                   "To: <sip:" + name() + "@203.0.113.10>;tag=" + tag("called") + "\r\nFrom: " + peer +
                   ";tag=" + tag("calling-") + "\r\n" + call("incoming") +
                   (bye ? "CSeq: 103 BYE\r\n" : "CSeq: 102 INVITE\r\n") + allow() +
                   (bye ? "" : "Content-Type: application/sdp\r\n") + agent() + end(bye ? "" : sdp(host()));
        }
        }
    }
};

/// All messages of all users: eight rounds, in each of which every user sends the next one. Of any eight that
/// begin at a multiple of eight each is another message: however few buffers come again and again, one
/// message in eight is a REGISTER.
std::vector<Message> order_of_messages(std::size_t users) {
    std::mt19937_64 random{740};
    std::vector<std::size_t> groups(users / messages);
    std::iota(groups.begin(), groups.end(), 0);
    std::array<std::size_t, messages> within{};
    std::iota(within.begin(), within.end(), 0);
    std::vector<Message> order;
    for (std::size_t round = 0; round < messages; ++round) {
        std::shuffle(groups.begin(), groups.end(), random);
        for (const std::size_t group : groups) {
            std::shuffle(within.begin(), within.end(), random);
            for (const std::size_t i : within)
                order.push_back({group * messages + i, (i + round) % messages});
        }
    }
    return order;
}

Octets frame_of(const UdpFlow& flow, std::string_view payload) {
    Octets frame(EthernetFrame::header_size + udp_packet_size(flow.source.family, payload.size()));
    const std::span<std::uint8_t> out{frame};
    write_ethernet(out, outside_station(), router_station(), ether_type_ipv4);
    const auto* octets = reinterpret_cast<const std::uint8_t*>(payload.data());
    if (write_udp_packet(out.subspan(EthernetFrame::header_size), flow, {octets, payload.size()}) == 0)
        std::abort();
    return frame;
}

} // namespace

MacAddress outside_station() {
    return {{0x02, 0, 0, 0, 0, 0x01}};
}
MacAddress router_station() {
    return {{0x02, 0, 0, 0, 0, 0x99}};
}
MacAddress inside_station() {
    return {{0x02, 0, 0, 0, 0, 0x02}};
}
MacAddress server_station() {
    return outside_station();
}
IpAddress vip() {
    return IpAddress::v4({203, 0, 113, 10});
}

Traffic sip_traffic(std::size_t frames) {
    Traffic traffic;
    const std::size_t users = frames / messages;
    std::size_t octets = 0;
    for (const auto& [user, step] : order_of_messages(users)) {
        const Message message{user, step};
        const std::string text = message.text();
        octets += text.size();
        traffic.registers += message.step == 0 ? 1 : 0;
        traffic.responses += message.step >= 6 ? 1 : 0;
        // Of few users each message has a source of its own, so that there are thousands.
        const auto port = static_cast<std::uint16_t>(users < 4096 ? 5060 + message.step * 2 : 5060);
        traffic.frames.push_back(frame_of({phone_address(user), vip(), port, 5060, 64}, text));
    }
    traffic.flows = users < 4096 ? traffic.frames.size() : users;
    traffic.text_average = static_cast<double>(octets) / static_cast<double>(traffic.frames.size());
    return traffic;
}

Traffic rtp_traffic(std::size_t frames) {
    Traffic traffic;
    std::string payload(172, '\x5a');
    payload[0] = static_cast<char>(0x80);
    payload[1] = 0;
    for (std::size_t i = 0; i < frames; ++i) {
        const auto port = static_cast<std::uint16_t>(16384 + 2 * (mix(i) % 8192));
        const auto local = static_cast<std::uint16_t>(32768 + 2 * (mix(i + 1) % 8192));
        traffic.frames.push_back(frame_of({phone_address(i), vip(), port, local, 64}, payload));
    }
    traffic.flows = frames;
    traffic.text_average = static_cast<double>(payload.size());
    return traffic;
}

} // namespace fastpath_bench
