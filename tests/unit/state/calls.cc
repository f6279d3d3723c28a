// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/calls.hh"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;
using state::Calls;

namespace {

enum class Dialog { outside, inside };

std::string headers(const std::string& id, const std::string& branch, const std::string& cseq,
                    Dialog dialog) {
    return "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK" + branch +
           "\r\n"
           "From: <sip:a@example.org>;tag=1\r\n"
           "To: <sip:b@example.org>" +
           (dialog == Dialog::inside ? ";tag=2" : "") + "\r\nCall-ID: " + id + "\r\nCSeq: " + cseq +
           "\r\nContent-Length: 0\r\n\r\n";
}

std::string request(const std::string& method, const std::string& id, const std::string& branch,
                    Dialog dialog = Dialog::outside) {
    return method + " sip:b@example.org SIP/2.0\r\nMax-Forwards: 70\r\n" +
           headers(id, branch, "1 " + method, dialog);
}

std::string response(int status, const std::string& method, const std::string& id) {
    return "SIP/2.0 " + std::to_string(status) + " x\r\n" + headers(id, "r", "1 " + method, Dialog::inside);
}

struct World {
    Calls calls{64, 7};
    Calls::Instant now{1h};
    void see(const std::string& message, std::size_t group = 0) {
        if (const auto sip = wire::parse_sip(message))
            calls.see(now, group, *sip);
    }
    void sweep_all() {
        for (int i = 0; i < 2; ++i)
            calls.sweep(now);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(calls, World)

BOOST_AUTO_TEST_CASE(a_call_from_its_invite_to_its_bye) {
    see(request("INVITE", "x", "1"));
    BOOST_TEST(calls.count(0) == 1);
    see(request("INVITE", "x", "1")); // retransmitted
    see(request("ACK", "x", "2", Dialog::inside));
    BOOST_TEST(calls.count(0) == 1);
    see(request("BYE", "x", "3", Dialog::inside));
    BOOST_TEST(calls.count(0) == 0);
    see(request("BYE", "x", "3", Dialog::inside));
    BOOST_TEST(calls.count(0) == 0);
}

BOOST_AUTO_TEST_CASE(a_failed_invite_is_no_call) {
    see(request("INVITE", "x", "1"));
    see(request("ACK", "x", "1", Dialog::inside)); // the INVITE's branch: it acknowledges a failure
    BOOST_TEST(calls.count(0) == 0);
}

BOOST_AUTO_TEST_CASE(a_challenged_invite_comes_again) {
    see(request("INVITE", "x", "1"));
    see(request("ACK", "x", "1", Dialog::inside));
    see(request("INVITE", "x", "2"));
    see(request("ACK", "x", "3", Dialog::inside));
    BOOST_TEST(calls.count(0) == 1);
}

BOOST_AUTO_TEST_CASE(cancelled_and_refused_calls_end) {
    see(request("INVITE", "x", "1"));
    see(request("CANCEL", "x", "1"));
    BOOST_TEST(calls.count(0) == 0);
    see(request("INVITE", "y", "1"));
    see(response(486, "INVITE", "y"));
    BOOST_TEST(calls.count(0) == 0);
    see(request("INVITE", "z", "1"));
    see(response(180, "INVITE", "z"));
    BOOST_TEST(calls.count(0) == 1);
}

BOOST_AUTO_TEST_CASE(a_call_that_the_server_made) {
    see(response(200, "INVITE", "x"));
    BOOST_TEST(calls.count(0) == 1);
    see(response(200, "BYE", "x"));
    BOOST_TEST(calls.count(0) == 0);
}

BOOST_AUTO_TEST_CASE(a_failed_reinvite_ends_nothing) {
    see(response(200, "INVITE", "x"));
    see(response(491, "INVITE", "x"));
    see(request("CANCEL", "x", "9", Dialog::inside));
    BOOST_TEST(calls.count(0) == 1);
}

BOOST_AUTO_TEST_CASE(calls_that_began_before_the_engine_are_found) {
    see(request("INVITE", "x", "1", Dialog::inside));
    BOOST_TEST(calls.count(0) == 1);
    see(request("UPDATE", "unknown", "1", Dialog::inside));
    BOOST_TEST(calls.count(0) == 1);
}

BOOST_AUTO_TEST_CASE(groups_are_apart) {
    see(request("INVITE", "x", "1"), 0);
    see(request("INVITE", "x", "1"), 1);
    BOOST_TEST(calls.count(0) == 1);
    BOOST_TEST(calls.count(1) == 1);
    see(request("CANCEL", "x", "1"), 1);
    BOOST_TEST(calls.count(0) == 1);
    BOOST_TEST(calls.count(1) == 0);
}

BOOST_AUTO_TEST_CASE(a_group_that_is_served_elsewhere_is_cleared) {
    for (int i = 0; i < 20; ++i)
        see(request("INVITE", "c" + std::to_string(i), "1"), static_cast<std::size_t>(i % 2));
    calls.clear(0);
    BOOST_TEST(calls.count(0) == 0);
    BOOST_TEST(calls.count(1) == 10);
    for (int i = 1; i < 20; i += 2)
        see(request("CANCEL", "c" + std::to_string(i), "1"), 1);
    BOOST_TEST(calls.count(1) == 0);
}

BOOST_AUTO_TEST_CASE(what_is_never_ended_is_forgotten) {
    see(request("INVITE", "rings", "1"));
    see(response(200, "INVITE", "up"));
    now += Calls::ringing_max;
    sweep_all();
    BOOST_TEST(calls.count(0) == 1);
    see(request("UPDATE", "up", "1", Dialog::inside));
    now += Calls::silent_max - 1s;
    sweep_all();
    BOOST_TEST(calls.count(0) == 1); // the UPDATE was a sign of life
    now += 1s;
    sweep_all();
    BOOST_TEST(calls.count(0) == 0);
}

BOOST_AUTO_TEST_CASE(other_messages_and_garbage_change_nothing) {
    see(request("REGISTER", "x", "1"));
    see(request("OPTIONS", "x", "1"));
    see("INVITE sip:b@example.org SIP/2.0\r\n\r\n");
    see(std::string(2000, '\0'));
    BOOST_TEST(calls.count(0) == 0);
}

BOOST_AUTO_TEST_CASE(a_full_table_counts_what_it_could_not_keep_and_recovers) {
    for (int i = 0; i < 500; ++i)
        see(request("INVITE", "c" + std::to_string(i), "1"));
    BOOST_TEST(calls.count(0) <= 64);
    BOOST_TEST(calls.count(0) > 32);
    BOOST_TEST(calls.count(0) + calls.overflowed() == 500);
    for (int i = 0; i < 500; ++i)
        see(request("CANCEL", "c" + std::to_string(i), "1"));
    BOOST_TEST(calls.count(0) == 0);
}

/// Against a plain set: additions and removals in an order that makes gaps everywhere.
BOOST_AUTO_TEST_CASE(the_table_agrees_with_a_set) {
    std::set<int> wanted;
    std::uint32_t state = 1;
    for (int i = 0; i < 20000; ++i) {
        state = state * 1664525U + 1013904223U;
        const int id = static_cast<int>(state >> 27U); // 32 names in 64 places
        if ((state >> 8U & 1U) != 0U) {
            see(request("INVITE", "c" + std::to_string(id), "1"));
            wanted.insert(id);
        } else {
            see(request("CANCEL", "c" + std::to_string(id), "1"));
            wanted.erase(id);
        }
        BOOST_REQUIRE(calls.count(0) == wanted.size());
    }
    BOOST_TEST(calls.overflowed() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
