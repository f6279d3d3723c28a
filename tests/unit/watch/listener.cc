// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/listener.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using watch::ListenerFacts;
using watch::State;

namespace {

const auto vip = wire::IpAddress::v4({192, 0, 2, 100});

watch::ListenerJudge two_ports() {
    return watch::ListenerJudge({{vip, 5060}, {vip, 5080}});
}

constexpr ListenerFacts both{.udp = true, .tcp = true};
constexpr ListenerFacts udp_only{.udp = true, .tcp = false};
constexpr ListenerFacts neither{.udp = false, .tcp = false};
constexpr ListenerFacts tcp_only{.udp = false, .tcp = true};
constexpr ListenerFacts untold{};

watch::ListenerJudge::Verdict look(watch::ListenerJudge& judge, const std::vector<ListenerFacts>& facts) {
    return judge.look(facts);
}

} // namespace

BOOST_AUTO_TEST_SUITE(listener)

BOOST_AUTO_TEST_CASE(every_port_has_to_be_bound_on_udp) {
    struct Row {
        std::vector<ListenerFacts> facts;
        State state;
        bool unbound;
    };
    const std::vector<Row> rows{
        {{both, both}, State::ok, false},
        {{udp_only, udp_only}, State::ok, false}, // TCP is no duty
        {{both, neither}, State::degraded, true},
        {{neither, both}, State::degraded, true},
        {{neither, neither}, State::degraded, true},
        {{both, tcp_only}, State::degraded, true},
        {{untold, untold}, State::unknown, false}, // never a failure
        {{both, untold}, State::unknown, false},
        {{neither, untold}, State::degraded, true}, // one that is known to be unbound is enough
        {{both}, State::unknown, false},
        {{}, State::unknown, false},
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto judge = two_ports();
        const auto verdict = look(judge, rows[i].facts);
        BOOST_CHECK_MESSAGE(verdict.state == rows[i].state, "row " << i);
        BOOST_CHECK_MESSAGE(verdict.unbound == rows[i].unbound, "row " << i);
        BOOST_CHECK(!verdict.detail.empty());
    }
}

BOOST_AUTO_TEST_CASE(the_words_name_the_first_place) {
    auto judge = two_ports();
    BOOST_CHECK_EQUAL(look(judge, {both, neither}).detail,
                      "listener: nobody has bound UDP port 5080 of 192.0.2.100");
}

BOOST_AUTO_TEST_CASE(a_tcp_listener_that_went_is_worth_a_word_and_no_more) {
    auto judge = two_ports();
    BOOST_CHECK(look(judge, {udp_only, udp_only}).state == State::ok);
    BOOST_CHECK(look(judge, {both, udp_only}).state == State::ok);
    const auto verdict = look(judge, {udp_only, udp_only});
    BOOST_CHECK(verdict.state == State::degraded);
    BOOST_CHECK(!verdict.unbound);
    BOOST_CHECK_EQUAL(verdict.detail, "listener: nobody listens any more on TCP port 5060 of 192.0.2.100");
    BOOST_CHECK(look(judge, {{.udp = true, .tcp = {}}, udp_only}).state == State::ok); // not told is not gone
    BOOST_CHECK(look(judge, {both, udp_only}).state == State::ok);
}

BOOST_AUTO_TEST_SUITE_END()
