// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/answer.hh"

#include <boost/test/unit_test.hpp>

#include <string>

using tandem::phone::read_answer;

namespace {

std::string answer(const std::string& start, const std::string& headers) {
    return start + "\r\n" + headers + "Content-Length: 0\r\n\r\n";
}

const std::string ours = "Via: SIP/2.0/UDP 10.0.0.1\r\nCall-ID: abc.7\r\nCSeq: 7 OPTIONS\r\n";

} // namespace

BOOST_AUTO_TEST_CASE(a_final_answer_gives_status_and_number) {
    const auto read = read_answer(answer("SIP/2.0 200 OK", ours), "abc");
    BOOST_REQUIRE(read);
    BOOST_TEST(read->status == 200U);
    BOOST_TEST(read->sequence == 7U);
}

BOOST_AUTO_TEST_CASE(header_names_are_read_in_any_case_and_in_compact_form) {
    const auto read =
        read_answer(answer("SIP/2.0 404 Not Found", "i : abc.9\r\ncseq:\t9 OPTIONS\r\n"), "abc");
    BOOST_REQUIRE(read);
    BOOST_TEST(read->status == 404U);
    BOOST_TEST(read->sequence == 9U);
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_to_this_probe_is_nothing) {
    BOOST_TEST(!read_answer("", "abc"));
    BOOST_TEST(!read_answer("SIP/2.0 20", "abc"));
    BOOST_TEST(!read_answer(answer("OPTIONS sip:x SIP/2.0", ours), "abc"));
    BOOST_TEST(!read_answer(answer("SIP/2.0 999 Odd", ours), "abc"));
    BOOST_TEST(!read_answer(answer("SIP/2.0 2x0 Odd", ours), "abc"));
    BOOST_TEST(!read_answer(answer("SIP/2.0 200 OK", ours), "other"));
    BOOST_TEST(!read_answer(answer("SIP/2.0 200 OK", "Call-ID: abc.7\r\n"), "abc"));
    BOOST_TEST(!read_answer(answer("SIP/2.0 200 OK", "Call-ID: abc.7\r\nCSeq: x OPTIONS\r\n"), "abc"));
    BOOST_TEST(!read_answer("SIP/2.0 200 OK\r\n\r\n" + ours, "abc")); // a body is no header
}
