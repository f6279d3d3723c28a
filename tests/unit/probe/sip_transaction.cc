// SPDX-License-Identifier: GPL-3.0-or-later
// The timers of RFC 3261 figures 5 and 6.
#include "control/probe/sip_transaction.hh"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace tandem;
using namespace tandem::probe;
using namespace std::chrono_literals;

namespace {

constexpr ha::Instant start{1000s};
using Turn = SipTransaction::Turn;

/// When it is sent again, in milliseconds from the start, until the end.
std::vector<std::int64_t> times_of(SipTransaction& transaction, Turn end, std::int64_t& end_at) {
    std::vector<std::int64_t> sent;
    for (int i = 0; i < 100; ++i) {
        const ha::Instant now = transaction.due();
        const Turn turn = transaction.turn(now);
        const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(now - start).count();
        if (turn == Turn::send) {
            sent.push_back(at);
            continue;
        }
        BOOST_TEST((turn == end));
        end_at = at;
        return sent;
    }
    BOOST_ERROR("it has no end");
    return sent;
}

} // namespace

BOOST_AUTO_TEST_SUITE(sip_transaction)

BOOST_AUTO_TEST_CASE(timer_e_doubles_up_to_t2_until_timer_f) {
    SipTransaction transaction(start, SipTransactionKind::non_invite, SipReliability::datagram);
    std::int64_t end = 0;
    const std::vector<std::int64_t> wanted{500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500};
    BOOST_TEST(times_of(transaction, Turn::silent, end) == wanted, boost::test_tools::per_element());
    BOOST_TEST(end == 32000);
    BOOST_TEST((transaction.due() == ha::end_of_time));
}

BOOST_AUTO_TEST_CASE(after_a_provisional_response_timer_e_is_t2) {
    SipTransaction transaction(start, SipTransactionKind::non_invite, SipReliability::datagram);
    BOOST_TEST((transaction.on_response(start + 100ms, 100) == SipTransaction::Heard::provisional));
    BOOST_TEST((transaction.state() == SipTransaction::State::proceeding));
    std::int64_t end = 0;
    const std::vector<std::int64_t> wanted{500, 4500, 8500, 12500, 16500, 20500, 24500, 28500};
    BOOST_TEST(times_of(transaction, Turn::silent, end) == wanted, boost::test_tools::per_element());
    BOOST_TEST(end == 32000);
}

BOOST_AUTO_TEST_CASE(over_a_stream_nothing_is_sent_again) {
    SipTransaction transaction(start, SipTransactionKind::non_invite, SipReliability::stream);
    std::int64_t end = 0;
    BOOST_TEST(times_of(transaction, Turn::silent, end).empty());
    BOOST_TEST(end == 32000);
}

BOOST_AUTO_TEST_CASE(timer_k_is_t4_over_datagrams_and_nothing_over_a_stream) {
    SipTransaction datagrams(start, SipTransactionKind::non_invite, SipReliability::datagram);
    BOOST_TEST((datagrams.on_response(start + 20ms, 200) == SipTransaction::Heard::final));
    BOOST_TEST((datagrams.on_response(start + 30ms, 200) == SipTransaction::Heard::repeated));
    BOOST_TEST((datagrams.due() == start + 20ms + 5s));
    BOOST_TEST((datagrams.turn(start + 5s) == Turn::nothing));
    BOOST_TEST((datagrams.turn(start + 20ms + 5s) == Turn::over));
    BOOST_TEST((datagrams.on_response(start + 6s, 200) == SipTransaction::Heard::nothing));
    SipTransaction stream(start, SipTransactionKind::non_invite, SipReliability::stream);
    stream.on_response(start + 20ms, 503);
    BOOST_TEST((stream.turn(start + 20ms) == Turn::over));
}

BOOST_AUTO_TEST_CASE(an_invite_has_no_t2_and_stops_when_it_rings) {
    SipTransaction silent(start, SipTransactionKind::invite, SipReliability::datagram);
    std::int64_t end = 0;
    const std::vector<std::int64_t> wanted{500, 1500, 3500, 7500, 15500, 31500};
    BOOST_TEST(times_of(silent, Turn::silent, end) == wanted, boost::test_tools::per_element());
    SipTransaction rings(start, SipTransactionKind::invite, SipReliability::datagram);
    rings.on_response(start + 10ms, 180);
    BOOST_TEST(times_of(rings, Turn::silent, end).empty());
    SipTransaction answered(start, SipTransactionKind::invite, SipReliability::datagram);
    answered.on_response(start + 10ms, 200);
    BOOST_TEST((answered.state() == SipTransaction::State::terminated));
    SipTransaction refused(start, SipTransactionKind::invite, SipReliability::datagram);
    refused.on_response(start + 10ms, 486);
    BOOST_TEST((refused.due() == start + 10ms + 32s)); // timer D
}

BOOST_AUTO_TEST_CASE(after_a_pause_of_our_own_there_is_no_burst) {
    SipTransaction transaction(start, SipTransactionKind::non_invite, SipReliability::datagram);
    BOOST_TEST((transaction.turn(start + 10s) == Turn::send));
    BOOST_TEST((transaction.turn(start + 10s) == Turn::nothing));
}

BOOST_AUTO_TEST_SUITE_END()
