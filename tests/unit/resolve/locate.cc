// SPDX-License-Identifier: GPL-3.0-or-later
// RFC 3263 section 4 and RFC 2782.
#include "control/resolve/locate.hh"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace tandem;
using namespace tandem::resolve;

namespace {

using Zone = std::map<std::pair<std::string, RecordType>, Records>;

Records addresses(std::initializer_list<const char*> list) {
    Records records;
    for (const char* const one : list)
        records.addresses.push_back(*wire::IpAddress::parse(one));
    return records;
}

Records services(std::vector<Srv> list) {
    Records records;
    records.services = std::move(list);
    return records;
}

/// The questions that were asked, one a word, and then the servers.
std::string story(Wanted wanted, const Zone& zone, std::uint64_t seed = 1) {
    Locator locator(std::move(wanted), seed);
    std::string text;
    for (int i = 0; i < 100 && locator.question(); ++i) {
        const Question question = *locator.question();
        const auto type = question.type;
        text += question.name + (type == RecordType::a      ? "/A "
                                 : type == RecordType::aaaa ? "/AAAA "
                                 : type == RecordType::srv  ? "/SRV "
                                                            : "/NAPTR ");
        const auto found = zone.find({question.name, question.type});
        locator.answer(found == zone.end() ? Records{} : found->second);
    }
    BOOST_TEST(!locator.question());
    text += "->";
    for (const Server& server : locator.servers())
        text += " " + server.address.to_string() + ":" + std::to_string(server.port) +
                (server.transport == Transport::udp   ? "u"
                 : server.transport == Transport::tcp ? "t"
                                                      : "s");
    return text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(locate)

BOOST_AUTO_TEST_CASE(a_numeric_host_needs_no_question) {
    BOOST_TEST(story({"192.0.2.1", {}, {}, {}, {}}, {}) == "-> 192.0.2.1:5060u");
    BOOST_TEST(story({"192.0.2.1", 5080, Transport::tcp, {}, {}}, {}) == "-> 192.0.2.1:5080t");
    BOOST_TEST(story({"2001:db8::1", {}, {}, Security::required, {}}, {}) == "-> 2001:db8::1:5061s");
    BOOST_TEST(story({"192.0.2.1", {}, {}, {}, wire::Family::ipv6}, {}) == "->");
}

BOOST_AUTO_TEST_CASE(a_port_skips_naptr_and_srv) {
    const Zone zone{{{"x.test", RecordType::a}, addresses({"192.0.2.1"})}};
    BOOST_TEST(story({"X.test.", 5080, {}, {}, {}}, zone) == "x.test/A x.test/AAAA -> 192.0.2.1:5080u");
    BOOST_TEST(story({"x.test", 5080, {}, {}, wire::Family::ipv4}, zone) == "x.test/A -> 192.0.2.1:5080u");
}

BOOST_AUTO_TEST_CASE(a_transport_skips_naptr) {
    const Zone zone{{{"_sip._tcp.x.test", RecordType::srv}, services({{1, 1, 5070, "h.test"}})},
                    {{"h.test", RecordType::a}, addresses({"192.0.2.7"})}};
    BOOST_TEST(story({"x.test", {}, Transport::tcp, {}, wire::Family::ipv4}, zone) ==
               "_sip._tcp.x.test/SRV h.test/A -> 192.0.2.7:5070t");
}

BOOST_AUTO_TEST_CASE(naptr_then_srv_then_addresses) {
    Records naptr;
    naptr.pointers = {{20, 1, "s", "SIP+D2U", "_sip._udp.x.test"},
                      {10, 1, "s", "SIPS+D2T", "_sips._tcp.x.test"},
                      {5, 1, "s", "E2U+email", "mail.x.test"},
                      {5, 1, "u", "SIP+D2U", "no.x.test"}};
    Zone zone{{{"x.test", RecordType::naptr}, naptr},
              {{"_sip._udp.x.test", RecordType::srv}, services({{1, 1, 5060, "u.test"}})},
              {{"_sips._tcp.x.test", RecordType::srv}, services({{1, 1, 5061, "s.test"}})},
              {{"u.test", RecordType::a}, addresses({"192.0.2.1"})},
              {{"s.test", RecordType::a}, addresses({"192.0.2.2"})}};
    BOOST_TEST(story({"x.test", {}, {}, {}, wire::Family::ipv4}, zone) ==
               "x.test/NAPTR _sips._tcp.x.test/SRV _sip._udp.x.test/SRV s.test/A u.test/A -> "
               "192.0.2.2:5061s 192.0.2.1:5060u");
    BOOST_TEST(story({"x.test", {}, {}, Security::required, wire::Family::ipv4}, zone) ==
               "x.test/NAPTR _sips._tcp.x.test/SRV s.test/A -> 192.0.2.2:5061s");
}

BOOST_AUTO_TEST_CASE(without_naptr_every_transport_and_without_srv_the_name_itself) {
    const Zone zone{{{"x.test", RecordType::a}, addresses({"192.0.2.1"})}};
    BOOST_TEST(story({"x.test", {}, {}, {}, wire::Family::ipv4}, zone) ==
               "x.test/NAPTR _sip._udp.x.test/SRV _sip._tcp.x.test/SRV x.test/A -> 192.0.2.1:5060u");
    BOOST_TEST(story({"x.test", {}, {}, Security::required, wire::Family::ipv4}, zone) ==
               "x.test/NAPTR _sips._tcp.x.test/SRV x.test/A -> 192.0.2.1:5061s");
}

BOOST_AUTO_TEST_CASE(a_silent_name_server_is_not_asked_on) {
    Locator locator({"x.test", {}, {}, {}, {}}, 1);
    BOOST_TEST(locator.question().has_value());
    locator.answer(std::nullopt);
    BOOST_TEST(!locator.question());
    BOOST_TEST(locator.incomplete());
    BOOST_TEST(locator.servers().empty());
}

BOOST_AUTO_TEST_CASE(a_priority_is_a_priority_and_a_weight_a_share) {
    const std::vector<Srv> list{{20, 1, 1, "last"}, {10, 75, 1, "heavy"}, {10, 25, 1, "light"}};
    int heavy = 0;
    constexpr int runs = 4000;
    for (std::uint64_t seed = 0; seed < runs; ++seed) {
        const auto sorted = in_order(list, seed);
        BOOST_REQUIRE(sorted.size() == 3U);
        BOOST_REQUIRE(sorted[2].target == "last");
        heavy += sorted[0].target == "heavy" ? 1 : 0;
        BOOST_REQUIRE(in_order({list[2], list[0], list[1]}, seed) == sorted); // the seed alone decides
    }
    BOOST_TEST(heavy > runs * 70 / 100);
    BOOST_TEST(heavy < runs * 80 / 100);
}

BOOST_AUTO_TEST_CASE(whatever_comes_there_is_an_end) {
    std::vector<Srv> many;
    for (std::uint16_t i = 0; i < 1000; ++i)
        many.push_back({1, 1, i, "h" + std::to_string(i)});
    Locator locator({"x.test", {}, Transport::udp, {}, {}}, 1);
    int questions = 0;
    for (; locator.question() && questions < 1000; ++questions)
        locator.answer(locator.question()->type == RecordType::srv ? services(many) : addresses({}));
    BOOST_TEST(questions <= 41); // an address is asked for in both families
}

BOOST_AUTO_TEST_SUITE_END()
