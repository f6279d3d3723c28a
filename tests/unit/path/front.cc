// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/front.hh"

#include "dataplane/wire/ip.hh"
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/udp.hh"
#include "tests/unit/path/sip_packets.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

using namespace tandem;
using namespace tandem::path;
using namespace sip_packets;

namespace {

/// Patterns for which the method of a response does not matter, and for which it does.
constexpr auto patterns = {"INVITE|REGISTER|SUBSCRIBE", "INVITE|2xx|1xx/SUBSCRIBE"};
constexpr auto both = {Front::Instructions::plain, Front::Instructions::widest};

/// Tags in front of a packet, the outer first.
enum class Tags : std::uint8_t { none, one, two };

Packet framed(const Packet& packet, Tags tags = Tags::none) {
    Packet frame{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9};
    if (tags == Tags::two)
        frame.insert(frame.end(), {0x88, 0xa8, 0, 7});
    if (tags != Tags::none)
        frame.insert(frame.end(), {0x81, 0x00, 0, 8});
    const bool six = !packet.empty() && packet[0] >> 4U == 6;
    frame.insert(frame.end(),
                 {static_cast<std::uint8_t>(six ? 0x86 : 0x08), static_cast<std::uint8_t>(six ? 0xdd : 0)});
    frame.insert(frame.end(), packet.begin(), packet.end());
    return frame;
}

Seen look(const Front& front, const Packet& frame, Facing facing = Facing::outside) {
    const std::uint8_t* data = frame.data();
    const auto length = static_cast<std::uint32_t>(frame.size());
    Seen seen;
    front.classify(facing, {&data, &length, 1}, {&seen, 1});
    return seen;
}

/// Compares what is said of all frames with what is said of each.
void compare(const Common& common, const std::vector<Seen>& seen) {
    const bool one_vip = std::all_of(seen.begin(), seen.end(), [&](const Seen& packet) {
        return packet.way == Way::plain && packet.vip == seen[0].vip && packet.group == seen[0].group;
    });
    if (!common.one_vip)
        return;
    BOOST_REQUIRE(one_vip);
    BOOST_REQUIRE(common.no_sip == std::all_of(seen.begin(), seen.end(), [](const Seen& packet) {
                      return packet.kind == Kind::other_port;
                  }));
    BOOST_REQUIRE(common.longest ==
                  std::max_element(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
                      return a.length < b.length;
                  })->length);
}

/// Compares a look with inspect(), and the method with summarize().
void compare(const Front& front, const Packet& packet, Tags tags = Tags::none) {
    const Packet frame = framed(packet, tags); // exact size, for asan
    const Seen seen = look(front, frame);
    const Inspection found = inspect(packet, front.policy());
    BOOST_TEST(to_string(seen.kind) == to_string(found.kind));
    const bool ours = found.kind != Kind::unreadable && found.kind != Kind::not_vip;
    if (ours)
        BOOST_TEST(seen.group == found.group);
    if (seen.way == Way::slow)
        return;
    BOOST_REQUIRE(ours);
    BOOST_TEST(seen.binding() == found.binding);
    const auto ip = wire::parse_ip(packet);
    BOOST_REQUIRE(ip.has_value());
    BOOST_TEST(seen.length == ip->bytes.size());
    BOOST_TEST((front.policy().vips[seen.vip].address == ip->destination));
    BOOST_TEST((ip->fragment == wire::Fragment::whole));
    BOOST_TEST(frame.size() - seen.network == packet.size());
    BOOST_TEST(seen.flow.protocol() == ip->protocol);
    if (found.kind != Kind::sip_matching && found.kind != Kind::sip_other)
        return;
    const auto payload = wire::parse_udp(ip->payload)->payload;
    const std::string_view text{reinterpret_cast<const char*>(payload.data()), payload.size()};
    const auto kind = wire::summarize_start_line(text);
    BOOST_REQUIRE(kind.has_value());
    BOOST_TEST((seen.sip_kind == *kind));
    if (*kind == wire::SipKind::response && !reads_responses(front.policy().groups[found.group])) {
        BOOST_TEST((seen.method == wire::SipMethod::other));
        return;
    }
    const auto summary = wire::summarize(text);
    BOOST_REQUIRE(summary.has_value());
    BOOST_TEST((seen.method == summary->method && seen.sip_kind == summary->kind));
}

std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const char* folder :
         {TANDEM_SOURCE_ROOT "/tests/corpus/sip", TANDEM_SOURCE_ROOT "/../shared/corpora/sip/rfc4475"}) {
        if (!std::filesystem::exists(folder))
            continue;
        for (const auto& entry : std::filesystem::directory_iterator{folder}) {
            std::ifstream file{entry.path(), std::ios::binary};
            all.emplace_back(std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{});
            if (all.back().size() > 8000)
                all.pop_back();
        }
    }
    return all;
}

std::string response(std::string_view head, std::string_view cseq) {
    return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.9.0.7;branch=z9hG4bK1\r\n" + std::string{head} +
           std::string{cseq} +
           "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
}

/// A datagram from one end to another.
Packet datagram(const char* from, std::uint16_t from_port, const char* to, std::uint16_t to_port,
                const std::string& text) {
    Packet packet(wire::udp_packet_size(address(to).family, text.size()));
    const auto* octets = reinterpret_cast<const std::uint8_t*>(text.data());
    wire::write_udp_packet(packet, {address(from), address(to), from_port, to_port, 64},
                           {octets, text.size()});
    return packet;
}

/// Frames of both directions, most of them of the usual form: media, SIP of every length, and what is
/// neither.
std::vector<Packet> samples_of_frames() {
    std::vector<Packet> all;
    for (const auto& [from, to] : {std::pair{"10.9.0.7", "10.9.0.100"},
                                   {"10.9.0.8", "10.9.0.101"},
                                   {"10.9.0.100", "10.9.0.7"},
                                   {"10.8.0.5", "10.9.0.8"},
                                   {"10.9.0.7", "10.9.0.9"},
                                   {"10.9.0.7", "0.0.0.0"},
                                   {"0.0.0.0", "10.9.0.7"}})
        for (const auto& [from_port, to_port] :
             {std::pair{7000, 8000}, {5060, 5060}, {7000, 5060}, {5060, 8000}, {0, 0}, {5062, 5062}})
            for (const std::size_t length : {0U, 1U, 12U, 60U, 172U})
                all.push_back(
                    framed(datagram(from, static_cast<std::uint16_t>(from_port), to,
                                    static_cast<std::uint16_t>(to_port), std::string(length, 'x'))));
    for (const char* method : {"REGISTER", "INVITE", "OPTIONS"})
        for (const char* to : {"10.9.0.100", "10.9.0.101", "fd00::100"})
            for (const Tags tags : {Tags::none, Tags::one})
                all.push_back(framed(udp(request(method), to), tags));
    all.push_back(framed(udp(response("", "CSeq: 1 INVITE\r\n"))));
    all.push_back(framed(udp(response("", "CSeq: 1 REGISTER\r\n"))));
    all.push_back(Packet(60, 0));
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(front)

BOOST_AUTO_TEST_CASE(agrees_with_inspect_on_the_corpora_and_what_they_become) {
    std::mt19937 random{3261};
    std::size_t quick = 0;
    for (const auto instructions : both) {
        Front front{1, instructions};
        std::uint32_t sequence = 0;
        for (const std::string& text : texts())
            for (const char* to : {"10.9.0.100", "fd00::100", "10.9.0.101", "10.9.0.7"}) {
                front.begin(policy(patterns.begin()[sequence % patterns.size()]), sequence + 1);
                ++sequence;
                const Packet whole = udp(text, to);
                for (const Tags tags : {Tags::none, Tags::one, Tags::two})
                    compare(front, whole, tags);
                quick += look(front, framed(whole)).way == Way::plain ? 1 : 0;
                for (int i = 0; i < 30; ++i) {
                    Packet damaged = whole;
                    const std::size_t reach =
                        i % 2 == 0 ? std::min<std::size_t>(damaged.size(), 60) : damaged.size();
                    damaged[random() % reach] = static_cast<std::uint8_t>(random());
                    if (i % 5 == 0)
                        damaged.resize(random() % (damaged.size() + 1));
                    compare(front, damaged);
                }
            }
    }
    BOOST_TEST(quick > 100);
}

BOOST_AUTO_TEST_CASE(agrees_on_start_lines_and_cseq_of_every_form) {
    const std::string more =
        "Via: SIP/2.0/UDP 10.9.0.7;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n\r\n";
    std::vector<std::string> all;
    for (const char* method :
         {"ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH",
          "REFER", "REGISTER", "SUBSCRIBE", "UPDATE", "INVITES", "invite", "REGISTE", "SIP/2.0", ""})
        for (const char* rest :
             {" sip:x SIP/2.0\r\n", " sip:x SIP/2.0\n", " SIP/2.0\r\n", "  sip:x SIP/2.0\r\n",
              " sip:x sip/2.0\r\n", " sip:x SIP/2.0 \r\n", " sip:x SIP/3.0\r\n", " sip:xSIP/2.0\r\n",
              "\tsip:x SIP/2.0\r\n", " sip:x\r SIP/2.0\r\n", " sip:x SIP/2.0", "\r\n"})
            all.push_back(std::string{method} + rest + more);
    for (std::size_t length = 0; length < 300; ++length)
        all.push_back("INVITE sip:" + std::string(length, 'u') + " SIP/2.0\r\n" + more);
    for (const char* cseq : {"CSeq: 1 INVITE\r\n",
                             "cseq: 1 INVITE\r\n",
                             "CSEQ:1 INVITE\r\n",
                             "CSeq : 1 INVITE\r\n",
                             "CSeq: 1  INVITE\r\n",
                             "CSeq: 2147483647 BYE\r\n",
                             "CSeq: 2147483648 BYE\r\n",
                             "CSeq: 123456789 BYE\r\n",
                             "CSeq: x BYE\r\n",
                             "CSeq: 1 FOO\r\n",
                             "CSeq: 1\r\n INVITE\r\n",
                             "CSeq: 1 INVITE\r\n \r\n",
                             "CSeq: 1 INVITE\n",
                             "CSeq: 1 INVITE \r\n",
                             "CSeqs: 1 INVITE\r\n",
                             "cs: 1\r\nCSeq: 1 OPTIONS\r\n",
                             "\r\nCSeq: 1 INVITE\r\n",
                             "\nCSeq: 1 INVITE\r\n",
                             "\tCSeq: 1 INVITE\r\n",
                             "CSeq: 1 INVITE\r\nCSeq: 2 BYE\r\n",
                             ""})
        for (std::size_t shift = 0; shift < 140; ++shift) {
            all.push_back(response("Contact: <sip:" + std::string(shift, 'c') + "@x>\r\n", cseq));
            all.push_back("SIP/2.0 180 " + std::string(shift, 'R') + "\r\n" + cseq + more);
        }
    for (std::size_t length = 0; length < 300; ++length)
        all.push_back("SIP/2.0 180" + std::string(length, 'R'));
    for (const auto instructions : both)
        for (const char* pattern : patterns) {
            Front front{1, instructions};
            front.begin(policy(pattern), 1);
            for (const std::string& text : all)
                compare(front, udp(text));
        }
}

BOOST_AUTO_TEST_CASE(agrees_on_noise_and_every_truncation) {
    std::mt19937 random{7};
    for (const auto instructions : both) {
        Front front{1, instructions};
        front.begin(policy(), 1);
        for (const auto& whole : {udp(request("REGISTER")), udp(request("REGISTER"), "fd00::100")})
            for (std::size_t n = 1; n <= whole.size(); ++n)
                compare(front, Packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)));
        for (int i = 0; i < 20'000; ++i) {
            Packet frame(random() % 90);
            std::generate(frame.begin(), frame.end(), [&] { return static_cast<std::uint8_t>(random()); });
            look(front, frame);
            look(front, frame, Facing::inside);
        }
    }
}

BOOST_AUTO_TEST_CASE(many_at_once_are_seen_as_one_by_one) {
    std::mt19937 random{512};
    auto with = policy("INVITE|REGISTER");
    with.groups[1].forwarding = contract::Forwarding::nat;
    with.vips[2].server = address("10.8.0.5");
    std::vector<std::byte> table(16 * table::FlowLines::ways * table::FlowLines::line_size);
    Front plain{77, Front::Instructions::plain};
    Front widest{77, Front::Instructions::widest};
    for (Front* front : {&plain, &widest}) {
        front->begin(with, 1);
        front->set_flow_lines({table.data(), 15, 99});
    }
    const std::vector<Packet> samples = samples_of_frames();
    std::size_t quick = 0;
    std::size_t together = 0; ///< bursts for one VIP
    std::size_t silent = 0;   ///< of these, without SIP
    for (int round = 0; round < 20'000; ++round) {
        if (round == 10'000) {
            with.groups[1].sip_port_count = 0;
            for (Front* front : {&plain, &widest}) {
                front->begin(with, 2);
                for (const Facing facing : {Facing::outside, Facing::inside})
                    front->set_station(facing, {{2, 0, 0, 0, 0, 1}});
            }
        }
        // Damage is rare enough that most groups of eight have usual frames in them. Every other burst has
        // only one sample of many, so that there are bursts for one VIP.
        std::vector<Packet> burst(1 + random() % Front::burst_max);
        std::vector<const std::uint8_t*> data;
        std::vector<std::uint32_t> lengths;
        const bool alike = round % 2 == 0;
        const std::size_t first = random() % samples.size();
        const std::size_t choice = alike ? 1 + random() % 4 : samples.size();
        for (Packet& frame : burst) {
            frame = samples[(first + random() % choice) % samples.size()];
            const std::size_t damage = alike ? 256 : 8;
            if (random() % damage == 0)
                frame[random() % std::min<std::size_t>(frame.size(), 64)] ^=
                    static_cast<std::uint8_t>(1U << random() % 8);
            if (random() % (4 * damage) == 0)
                frame.resize(random() % (frame.size() + 1));
            frame.shrink_to_fit(); // exact size, for asan
            data.push_back(frame.data());
            lengths.push_back(static_cast<std::uint32_t>(frame.size()));
        }
        for (const Facing facing : {Facing::outside, Facing::inside}) {
            std::vector<Seen> one(burst.size());
            std::vector<Seen> eight(burst.size());
            std::vector<std::byte*> one_lines(burst.size());
            std::vector<std::byte*> eight_lines(burst.size());
            const RawFrames frames{data.data(), lengths.data(), burst.size()};
            const Common of_one = plain.classify(facing, frames, one, one_lines);
            const Common of_eight = widest.classify(facing, frames, eight, eight_lines);
            for (std::size_t i = 0; i < burst.size(); ++i) {
                BOOST_REQUIRE(std::memcmp(&one[i], &eight[i], sizeof(Seen)) == 0);
                BOOST_REQUIRE(one_lines[i] == eight_lines[i]);
                quick += one[i].way == Way::plain ? 1 : 0;
            }
            compare(of_one, one);
            compare(of_eight, eight);
            together += of_eight.one_vip && burst.size() >= 8 ? 1 : 0;
            silent += of_eight.one_vip && of_eight.no_sip ? 1 : 0;
        }
    }
    BOOST_TEST(together > 1'000U);
    BOOST_TEST(silent > 500U);
    BOOST_TEST(silent < together);
    BOOST_TEST(quick > 100'000U);
}

BOOST_AUTO_TEST_CASE(what_needs_more_is_slow) {
    Front front{1};
    front.begin(policy(), 1);
    const Packet whole = udp(request("REGISTER"));
    BOOST_TEST((look(front, framed(whole)).way == Way::plain));
    BOOST_TEST((look(front, framed(whole, Tags::two)).way == Way::plain));
    BOOST_TEST((look(front, framed(udp(request("REGISTER"), "10.9.0.7"))).way == Way::slow), "not for a VIP");
    Packet changed = whole;
    changed[6] = 0x20;
    BOOST_TEST((look(front, framed(changed)).way == Way::slow), "fragment");
    changed = whole;
    changed[9] = 1;
    BOOST_TEST((look(front, framed(changed)).way == Way::slow), "ICMP");
    changed = whole;
    changed[9] = 6;
    BOOST_TEST((look(front, framed(changed)).way == Way::slow), "TCP to a SIP port");
    changed[22] = 1;
    BOOST_TEST((look(front, framed(changed)).way == Way::plain), "TCP to another port");
    Packet group = framed(whole);
    group[0] = 1;
    BOOST_TEST((look(front, group).way == Way::slow), "for an Ethernet group");
    front.set_station(Facing::outside, {{2, 0, 0, 0, 0, 1}});
    BOOST_TEST((look(front, framed(whole)).way == Way::plain));
    front.set_station(Facing::outside, {{2, 0, 0, 0, 0, 2}});
    BOOST_TEST((look(front, framed(whole)).way == Way::slow), "for another station");
}

BOOST_AUTO_TEST_CASE(both_directions_of_a_flow_have_one_key) {
    Front front{99};
    auto with = policy();
    with.groups[1].forwarding = contract::Forwarding::nat;
    with.vips[2].server = address("10.8.0.5");
    front.begin(with, 1);
    const auto way = [&](const char* from, std::uint16_t from_port, const char* to, std::uint16_t to_port) {
        const std::string text(40, 'x');
        Packet packet(wire::udp_packet_size(address(to).family, text.size()));
        const auto* octets = reinterpret_cast<const std::uint8_t*>(text.data());
        wire::write_udp_packet(packet, {address(from), address(to), from_port, to_port, 64},
                               {octets, text.size()});
        return framed(packet);
    };
    for (const auto& [phone, vip] : {std::pair{"10.9.0.7", "10.9.0.100"}, {"fd00::7", "fd00::100"}}) {
        const Seen in = look(front, way(phone, 7000, vip, 8000));
        const Seen out = look(front, way(vip, 8000, phone, 7000), Facing::inside);
        BOOST_TEST((in.way == Way::plain && out.way == Way::plain));
        BOOST_TEST((in.flow == out.flow));
        BOOST_TEST(in.vip == out.vip);
        BOOST_TEST((look(front, way(phone, 7001, vip, 8000)).flow != in.flow));
    }
    with.vips[with.vip_count++] = {address("fd00::101"), address("fd08::5"), 1, {}};
    front.begin(with, 2);
    struct Translated {
        const char* phone;
        const char* vip;
        const char* server;
    };
    for (const auto& [phone, vip, server] :
         {Translated{"10.9.0.7", "10.9.0.101", "10.8.0.5"}, {"fd00::7", "fd00::101", "fd08::5"}}) {
        const Seen in = look(front, way(phone, 7000, vip, 8000));
        const Seen out = look(front, way(server, 8000, phone, 7000), Facing::inside);
        BOOST_TEST((in.way == Way::plain && out.way == Way::plain));
        BOOST_TEST((in.flow == out.flow), "nat: the flow is the VIP's, as seen from both sides");
        BOOST_TEST(in.vip == out.vip);
    }
    BOOST_TEST((look(front, way("10.9.0.101", 8000, "10.9.0.7", 7000), Facing::inside).way == Way::slow));
}

BOOST_AUTO_TEST_CASE(every_vip_is_found) {
    auto with = policy();
    with.vip_count = contract::vips_max;
    for (std::size_t i = 0; i < contract::vips_max; ++i) {
        with.vips[i] = {};
        with.vips[i].address = i % 2 == 0 ? wire::IpAddress::v4({10, 9, 1, static_cast<std::uint8_t>(i)})
                                          : address("fd00:1::" + std::to_string(i));
    }
    Front front{5};
    front.begin(with, 2);
    for (std::size_t i = 0; i < contract::vips_max; ++i) {
        const Seen seen = look(front, framed(udp(request("INVITE"), with.vips[i].address.to_string())));
        BOOST_TEST(seen.vip == i);
        BOOST_TEST((seen.way == Way::plain));
    }
}

BOOST_AUTO_TEST_SUITE_END()
