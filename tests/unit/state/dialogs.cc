// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/dialogs.hh"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tandem::state::test {
namespace {

using namespace std::chrono_literals;

struct Party {
    std::string uri;
    std::string tag;
};
const Party ann{"sip:ann@example.net", "a"};
const Party bob{"sip:bob@example.net", "b"};

std::string headers(const Party& from, const Party& to, const std::string& cseq, const std::string& branch,
                    const std::string& call) {
    return "Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK" + branch + "\r\nFrom: <" + from.uri +
           ">;tag=" + from.tag + "\r\nTo: <" + to.uri + ">" + (to.tag.empty() ? "" : ";tag=" + to.tag) +
           "\r\nCall-ID: " + call + "\r\nCSeq: " + cseq +
           "\r\nRecord-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\nContact: <" + from.uri +
           ":5062>\r\nContent-Length: 0\r\n\r\n";
}

struct Fixture {
    Fixture() { make({64, 512}); }
    void make(const Dialogs::Limits& wanted) {
        limits = wanted;
        memory.assign(Dialogs::octets(limits) / 8 + 1, 0);
        dialogs = std::make_unique<Dialogs>(
            std::as_writable_bytes(std::span{memory}).first(Dialogs::octets(limits)), limits, 3);
    }
    void request(const std::string& method, const Party& from, const Party& to, unsigned cseq,
                 const std::string& branch = "1", const std::string& call = "c") {
        see(method + " sip:x SIP/2.0\r\n" +
            headers(from, to, std::to_string(cseq) + " " + method, branch, call));
    }
    void answer(unsigned status, const Party& to, unsigned cseq = 1, const std::string& call = "c") {
        see("SIP/2.0 " + std::to_string(status) + " x\r\n" +
            headers(ann, to, std::to_string(cseq) + " INVITE", "1", call));
    }
    void see(const std::string& text) {
        const auto message = wire::parse_sip(text);
        BOOST_REQUIRE(message.has_value());
        dialogs->see(now, 0, *wire::IpAddress::parse("198.51.100.7"), 5060, *message);
    }
    struct Listed {
        Dialogs::Dialog dialog;
        std::string text;
    };
    std::vector<Listed> listed() const {
        std::vector<Listed> found;
        for (std::uint32_t i = 0; i < limits.dialogs; ++i) {
            Listed one;
            if (dialogs->records().read(i, one.dialog, one.text))
                found.push_back(one);
        }
        return found;
    }
    /// The state of the only dialog.
    DialogState state() const {
        const auto all = listed();
        BOOST_REQUIRE(all.size() == 1U);
        return all[0].dialog.state;
    }

    Dialogs::Limits limits;
    std::vector<std::uint64_t> memory;
    std::unique_ptr<Dialogs> dialogs;
    Instant now{Instant{} + 1h};
    const Party bob_untagged{bob.uri, ""};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(dialogs, Fixture)

BOOST_AUTO_TEST_CASE(a_call_seen_in_both_directions) {
    request("INVITE", ann, bob_untagged, 1);
    BOOST_TEST((state() == DialogState::trying));
    answer(100, bob_untagged);
    answer(180, bob);
    BOOST_TEST(dialogs->size() == 2U); // another branch of a fork may still answer
    answer(200, bob);
    BOOST_TEST((state() == DialogState::confirmed));
    request("ACK", ann, bob, 1, "2");
    request("INVITE", bob, ann, 77, "3");
    request("INFO", ann, bob, 2, "4");
    const auto all = listed();
    BOOST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all[0].dialog.caller_cseq == 2U);
    BOOST_TEST(all[0].dialog.callee_cseq == 77U);
    const auto text = read_dialog_text(all[0].text);
    BOOST_REQUIRE(text.has_value());
    BOOST_TEST(text->call_id == "c");
    BOOST_TEST(text->caller == ann.uri);
    BOOST_TEST(text->callee == bob.uri);
    BOOST_TEST(text->caller_tag == "a");
    BOOST_TEST(text->callee_tag == "b");
    BOOST_TEST(text->route_set == "<sip:p1;lr>\n<sip:p2;lr>\n");
    request("BYE", bob, ann, 78, "5");
    BOOST_TEST(dialogs->size() == 0U);
    BOOST_TEST(dialogs->counts().begun == 1U);
    BOOST_TEST(dialogs->counts().confirmed == 1U);
    BOOST_TEST(dialogs->counts().ended == 1U);
}

// Host mode: the server's answers are not seen.
BOOST_AUTO_TEST_CASE(a_call_of_which_only_one_direction_is_seen) {
    request("INVITE", ann, bob_untagged, 1, "1");
    request("ACK", ann, bob, 1, "2");
    BOOST_TEST((state() == DialogState::confirmed));
    BOOST_TEST(dialogs->counts().confirmed == 1U);
    request("BYE", ann, bob, 2, "3");
    BOOST_TEST(dialogs->size() == 0U);
    request("INVITE", ann, bob_untagged, 1, "1", "d");
    request("ACK", ann, bob, 1, "1", "d"); // the same branch: to a failure
    BOOST_TEST(dialogs->size() == 0U);
    BOOST_TEST(dialogs->counts().failed == 1U);
}

BOOST_AUTO_TEST_CASE(failures_end_attempts_and_leave_calls) {
    request("INVITE", ann, bob_untagged, 1);
    answer(180, bob);
    answer(486, bob);
    BOOST_TEST(dialogs->size() == 0U);
    BOOST_TEST(dialogs->counts().failed == 1U);
    request("INVITE", ann, bob_untagged, 1);
    answer(200, bob);
    request("INVITE", ann, bob, 2, "2");
    answer(488, bob, 2);
    BOOST_TEST((state() == DialogState::confirmed));
}

BOOST_AUTO_TEST_CASE(a_fork_has_a_dialog_for_each_answer) {
    request("INVITE", ann, bob_untagged, 1);
    answer(180, bob);
    answer(183, {bob.uri, "b2"});
    BOOST_TEST(dialogs->size() == 3U);
    answer(200, {bob.uri, "b2"});
    BOOST_TEST(dialogs->size() == 2U);
    now += Dialogs::trying_max;
    dialogs->sweep(now);
    BOOST_TEST((state() == DialogState::confirmed));
    BOOST_TEST(dialogs->counts().expired == 1U);
}

BOOST_AUTO_TEST_CASE(a_call_that_was_there_before) {
    request("INVITE", ann, bob, 9);
    BOOST_TEST((state() == DialogState::confirmed));
    request("BYE", bob, ann, 1);
    BOOST_TEST(dialogs->size() == 0U);
}

BOOST_AUTO_TEST_CASE(silence_ends_a_call_and_a_word_does_not) {
    request("INVITE", ann, bob, 9);
    now += Dialogs::silent_max - 1s;
    request("UPDATE", ann, bob, 10);
    now += 1h;
    dialogs->sweep(now);
    BOOST_TEST(dialogs->size() == 1U);
    now += Dialogs::silent_max;
    dialogs->sweep(now);
    BOOST_TEST(dialogs->size() == 0U);
}

BOOST_AUTO_TEST_CASE(attempts_go_before_calls_when_the_table_is_full) {
    make({4, 100});
    for (const char* call : {"1", "2"}) {
        request("INVITE", ann, bob_untagged, 1, "1", call);
        answer(200, bob, 1, call);
    }
    for (int i = 0; i < 100; ++i)
        request("INVITE", ann, bob_untagged, 1, "1", "flood" + std::to_string(i));
    BOOST_TEST(dialogs->size() == 4U);
    for (const char* call : {"1", "2"})
        request("BYE", ann, bob, 2, "9", call);
    BOOST_TEST(dialogs->counts().ended == 2U);
    BOOST_TEST(dialogs->counts().evicted == 98U);
}

BOOST_AUTO_TEST_CASE(texts_that_are_none) {
    BOOST_TEST(!read_dialog_text("").has_value());
    BOOST_TEST(!read_dialog_text(std::string_view{"\0\5abc", 5}).has_value());
    BOOST_TEST(!read_dialog_text(std::string_view{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 15}).has_value());
    BOOST_TEST(read_dialog_text(std::string_view{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 14}).has_value());
}

BOOST_AUTO_TEST_CASE(a_long_life) {
    make({30, 90});
    std::mt19937 random{6};
    for (unsigned i = 0; i < 20'000; ++i) {
        const std::string call = std::to_string(random() % 40);
        const Party to{bob.uri, random() % 3 == 0 ? "" : "b" + std::to_string(random() % 2)};
        if (random() % 2 == 0) {
            const char* const methods[]{"INVITE", "ACK", "BYE", "CANCEL", "INFO"};
            request(methods[random() % 5], random() % 2 == 0 ? ann : bob, to, i, std::to_string(random() % 2),
                    call);
        } else {
            const unsigned status[]{100, 180, 200, 486};
            answer(status[random() % 4], to, i, call);
        }
        now += 1s;
        dialogs->sweep(now);
    }
    BOOST_TEST(listed().size() == dialogs->size());
    for (const auto& one : listed())
        BOOST_TEST(read_dialog_text(one.text).has_value());
    now += 24h;
    dialogs->sweep(now);
    BOOST_TEST(dialogs->size() == 0U);
    BOOST_TEST(dialogs->records().chunks_free() == 90U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::state::test
