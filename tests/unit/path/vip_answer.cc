// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/vip_answer.hh"

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ndp.hh"

#include <boost/test/unit_test.hpp>

#include <vector>

namespace tandem::path::test {
namespace {

const wire::IpAddress vip4 = *wire::IpAddress::parse("192.0.2.100");
const wire::IpAddress vip6 = *wire::IpAddress::parse("2001:db8::100");
const wire::IpAddress phone4 = *wire::IpAddress::parse("192.0.2.7");
const wire::IpAddress phone6 = *wire::IpAddress::parse("2001:db8::7");
const wire::MacAddress own = *wire::MacAddress::parse("02:00:00:00:00:01");
const wire::MacAddress phone = *wire::MacAddress::parse("02:00:00:00:00:07");

struct Ask {
    contract::Policy policy;
    std::array<Stance, contract::groups_max> stances{};
    std::array<std::uint8_t, vip_answer_max> out{};

    Ask() {
        policy.vip_count = 2;
        policy.vips[0] = {.address = vip4, .server = {}, .group = 1, .unused = {}};
        policy.vips[1] = {.address = vip6, .server = {}, .group = 1, .unused = {}};
        stances[1] = Stance::active;
    }
    VipAnswer ask(const std::vector<std::uint8_t>& frame) {
        return answer_for_vip(*wire::parse_ethernet(frame), policy, stances, own, out);
    }
    static std::vector<std::uint8_t> request(const wire::IpAddress& from, const wire::IpAddress& to) {
        std::vector<std::uint8_t> bytes(wire::ArpFrame::size);
        wire::ArpFrame frame{wire::MacAddress::broadcast(), phone, {}};
        frame.packet = {wire::ArpOperation::request, phone, from, {}, to};
        wire::write_arp(bytes, frame);
        return bytes;
    }
    static std::vector<std::uint8_t> solicitation(const wire::IpAddress& from,
                                                  const wire::IpAddress& target) {
        std::vector<std::uint8_t> bytes(wire::NdpFrame::size_max);
        wire::NdpFrame frame = wire::neighbour_probe(phone, target);
        frame.source_ip = from;
        frame.message.link_layer = phone;
        bytes.resize(wire::write_ndp(bytes, frame));
        return bytes;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(vip_answer, Ask)

BOOST_AUTO_TEST_CASE(the_active_answers_arp) {
    const VipAnswer answer = ask(request(phone4, vip4));
    BOOST_TEST((answer.question == VipQuestion::answered));
    BOOST_TEST(answer.group == 1);
    const auto frame = wire::parse_ethernet(std::span{out}.first(answer.size));
    BOOST_REQUIRE(frame);
    BOOST_TEST((frame->destination == phone));
    BOOST_TEST((frame->source == own));
    const auto arp = wire::parse_arp(frame->payload);
    BOOST_REQUIRE(arp);
    BOOST_TEST((arp->operation == wire::ArpOperation::reply));
    BOOST_TEST((arp->sender_ip == vip4));
    BOOST_TEST((arp->sender_mac == own));
    BOOST_TEST((arp->target_ip == phone4));
}

BOOST_AUTO_TEST_CASE(the_active_answers_a_solicitation) {
    const VipAnswer answer = ask(solicitation(phone6, vip6));
    BOOST_TEST((answer.question == VipQuestion::answered));
    const auto frame = wire::parse_ethernet(std::span{out}.first(answer.size));
    BOOST_REQUIRE(frame);
    const auto ip = wire::parse_ip(frame->payload);
    BOOST_REQUIRE(ip);
    BOOST_TEST((ip->destination == phone6));
    const auto message = wire::parse_ndp(*ip);
    BOOST_REQUIRE(message);
    BOOST_TEST((message->type == wire::NdpType::advertisement));
    BOOST_TEST((message->target == vip6));
    BOOST_TEST((message->link_layer == own));
}

BOOST_AUTO_TEST_CASE(whoever_is_not_active_is_silent) {
    for (const Stance stance : {Stance::none, Stance::standby, Stance::yielding, Stance::lapsed}) {
        stances[1] = stance;
        BOOST_TEST((ask(request(phone4, vip4)).question == VipQuestion::silent));
        BOOST_TEST((ask(solicitation(phone6, vip6)).question == VipQuestion::silent));
    }
}

BOOST_AUTO_TEST_CASE(a_probe_is_a_question) {
    BOOST_TEST((ask(request(*wire::IpAddress::parse("0.0.0.0"), vip4)).question == VipQuestion::answered));
}

BOOST_AUTO_TEST_CASE(a_claim_is_none) {
    BOOST_TEST((ask(request(vip4, vip4)).question == VipQuestion::none));
    std::vector<std::uint8_t> bytes(wire::ArpFrame::size);
    wire::write_arp(bytes, wire::gratuitous_arp_reply(phone, vip4));
    BOOST_TEST((ask(bytes).question == VipQuestion::none));
    bytes.resize(wire::NdpFrame::size_max);
    bytes.resize(wire::write_ndp(bytes, wire::unsolicited_advertisement(phone, vip6)));
    BOOST_TEST((ask(bytes).question == VipQuestion::none));
}

BOOST_AUTO_TEST_CASE(other_questions_are_the_kernels) {
    BOOST_TEST((ask(request(phone4, phone4)).question == VipQuestion::none));
    BOOST_TEST((ask(request(phone4, *wire::IpAddress::parse("192.0.2.11"))).question == VipQuestion::none));
    BOOST_TEST((ask(solicitation(phone6, phone6)).question == VipQuestion::none));
}

BOOST_AUTO_TEST_CASE(what_is_cut_short_is_none) {
    for (const auto& whole : {request(phone4, vip4), solicitation(phone6, vip6)})
        for (std::size_t length = wire::EthernetFrame::header_size; length < whole.size(); ++length) {
            const std::vector<std::uint8_t> cut(whole.begin(),
                                                whole.begin() + static_cast<std::ptrdiff_t>(length));
            BOOST_TEST((ask(cut).question == VipQuestion::none), length);
        }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::path::test
