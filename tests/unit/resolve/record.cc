// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/resolve/record.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace tandem;
using namespace tandem::resolve;

namespace {

using Octets = std::vector<std::uint8_t>;

void add16(Octets& to, std::size_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8U));
    to.push_back(static_cast<std::uint8_t>(value));
}

void add_text(Octets& to, std::string_view text) {
    to.push_back(static_cast<std::uint8_t>(text.size()));
    to.insert(to.end(), text.begin(), text.end());
}

/// `a.b`, in labels.
Octets name(std::string_view text) {
    Octets out;
    while (!text.empty()) {
        const std::string_view label = text.substr(0, text.find('.'));
        add_text(out, label);
        text.remove_prefix(std::min(label.size() + 1, text.size()));
    }
    out.push_back(0);
    return out;
}

/// An answer to a question about `x.test`, to which records are added.
struct Answer {
    Octets octets{0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0};
    Answer() {
        const Octets question = name("x.test");
        octets.insert(octets.end(), question.begin(), question.end());
        add16(octets, 1);
        add16(octets, 1);
    }
    void add(std::uint16_t type, std::uint32_t ttl, const Octets& data) {
        ++octets[7];
        octets.push_back(0xc0); // the name of the question
        octets.push_back(12);
        add16(octets, type);
        add16(octets, 1);
        add16(octets, ttl >> 16U);
        add16(octets, ttl & 0xffffU);
        add16(octets, data.size());
        octets.insert(octets.end(), data.begin(), data.end());
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(record)

BOOST_AUTO_TEST_CASE(addresses_with_the_least_time_to_live) {
    Answer answer;
    answer.add(5, 20, name("y.test")); // an alias on the way
    answer.add(1, 300, {192, 0, 2, 1});
    answer.add(1, 100, {192, 0, 2, 2});
    const auto records = read_records(answer.octets, RecordType::a);
    BOOST_REQUIRE(records);
    BOOST_REQUIRE(records->addresses.size() == 2U);
    BOOST_TEST(records->addresses[1].to_string() == "192.0.2.2");
    BOOST_TEST(records->ttl == 20U);
    BOOST_TEST(read_records(answer.octets, RecordType::aaaa)->empty());
}

BOOST_AUTO_TEST_CASE(services_and_pointers) {
    Answer answer;
    Octets srv{0, 10, 0, 5, 0x13, 0xc4, 3, 'P', 'b', 'x', 0xc0, 12};
    answer.add(33, 60, srv);
    Octets naptr{0, 1, 0, 2};
    add_text(naptr, "s");
    add_text(naptr, "SIP+D2U");
    add_text(naptr, "");
    const Octets replacement = name("_sip._udp.x.test");
    naptr.insert(naptr.end(), replacement.begin(), replacement.end());
    answer.add(35, 60, naptr);
    const auto services = read_records(answer.octets, RecordType::srv);
    BOOST_REQUIRE((services && services->services.size() == 1U));
    BOOST_TEST((services->services[0] == Srv{10, 5, 5060, "pbx.x.test"}));
    const auto pointers = read_records(answer.octets, RecordType::naptr);
    BOOST_REQUIRE((pointers && pointers->pointers.size() == 1U));
    BOOST_TEST((pointers->pointers[0] == Naptr{1, 2, "s", "SIP+D2U", "_sip._udp.x.test"}));
}

BOOST_AUTO_TEST_CASE(hostile_answers_are_refused_or_read_within_bounds) {
    Answer good;
    good.add(1, 300, {192, 0, 2, 1});
    for (std::size_t i = 0; i < good.octets.size(); ++i)
        BOOST_TEST(!read_records(std::span{good.octets}.first(i), RecordType::a));
    Answer loop; // a name that points at itself
    loop.octets[12] = 0xc0;
    loop.octets[13] = 12;
    loop.add(1, 300, {192, 0, 2, 1});
    BOOST_TEST(!read_records(loop.octets, RecordType::a));
    Answer wrong; // an address of five octets
    wrong.add(1, 300, {192, 0, 2, 1, 1});
    BOOST_TEST(!read_records(wrong.octets, RecordType::a));
    Answer strange; // a name that would be a command
    strange.add(33, 60, {0, 0, 0, 0, 0, 1, 3, '$', '(', ')', 0});
    BOOST_TEST(!read_records(strange.octets, RecordType::srv));
    Answer outside; // a pointer behind the end
    outside.add(33, 60, {0, 0, 0, 0, 0, 1, 0xff, 0xff});
    BOOST_TEST(!read_records(outside.octets, RecordType::srv));
    Answer many;
    for (int i = 0; i < 200; ++i)
        many.add(1, 300, {192, 0, 2, 1});
    BOOST_TEST(read_records(many.octets, RecordType::a)->addresses.size() == records_max);
    Answer question;
    question.octets[2] = 0; // no answer
    BOOST_TEST(!read_records(question.octets, RecordType::a));
}

BOOST_AUTO_TEST_CASE(names_are_plain) {
    BOOST_TEST(plain_name("Pbx.Example.ORG.") == "pbx.example.org");
    BOOST_TEST(plain_name("a b").empty());
    BOOST_TEST(plain_name(std::string(300, 'a')).empty());
}

BOOST_AUTO_TEST_SUITE_END()
