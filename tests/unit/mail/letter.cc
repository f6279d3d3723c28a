// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/letter.hh"
#include "tests/unit/time_zone.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <sstream>

using namespace tandem::mail;

namespace {

const Envelope envelope{"tandem@example.com",
                        {"a@example.com", "b@example.com"},
                        "0123456789abcdef.1@node.example.com",
                        std::chrono::system_clock::time_point{std::chrono::seconds{1'750'000'000}}};

std::vector<std::string> lines_of(const std::string& message) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < message.size();) {
        const auto end = message.find("\r\n", at);
        BOOST_REQUIRE(end != std::string::npos);
        lines.push_back(message.substr(at, end - at));
        at = end + 2;
    }
    return lines;
}

/// The names of the headers; what is folded belongs to the line before.
std::vector<std::string> header_names(const std::string& message) {
    std::vector<std::string> names;
    for (const std::string& line : lines_of(message)) {
        if (line.empty())
            break;
        if (line.front() != ' ')
            names.push_back(line.substr(0, line.find(':')));
    }
    return names;
}

const std::vector<std::string> expected{"Date",         "Message-ID",   "From",
                                        "To",           "Subject",      "Auto-Submitted",
                                        "MIME-Version", "Content-Type", "Content-Transfer-Encoding"};

} // namespace

BOOST_AUTO_TEST_SUITE(letter)

BOOST_AUTO_TEST_CASE(plain) {
    const std::string message = compose(envelope, "is active", "one\ntwo");
    BOOST_TEST(header_names(message) == expected, boost::test_tools::per_element());
    BOOST_TEST(message.find("Subject: is active\r\n") != std::string::npos);
    BOOST_TEST(message.find("To: a@example.com,\r\n b@example.com\r\n") != std::string::npos);
    BOOST_TEST(message.find("Auto-Submitted: auto-generated\r\n") != std::string::npos);
    BOOST_TEST(message.ends_with("\r\n\r\none\r\ntwo\r\n"));
    BOOST_TEST(compose(envelope, "x", "").ends_with("quoted-printable\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(headers_cannot_be_slipped_in) {
    for (const std::string_view evil : {"x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com",
                                        "x\rBcc: evil@example.com", "x\r\n\r\nBcc: evil@example.com",
                                        "x\xc2\x85"
                                        "Bcc: evil@example.com",
                                        "x\xe2\x80\xa8"
                                        "Bcc: evil@example.com",
                                        "\nBcc: evil@example.com",
                                        "x\x0b"
                                        "Bcc: evil@example.com"}) {
        const std::string message = compose(envelope, evil, "body");
        BOOST_TEST(header_names(message) == expected, boost::test_tools::per_element());
        BOOST_TEST(message.find("\r\nBcc") == std::string::npos);
    }
    const std::string with_nul = compose(envelope, std::string_view{"a\0b", 3}, std::string_view{"c\0d", 3});
    BOOST_TEST(with_nul.find('\0') == std::string::npos);
    BOOST_TEST(header_names(with_nul) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(everything_is_printable_and_short) {
    std::string all;
    for (int c = 0; c < 256; ++c)
        all += static_cast<char>(c);
    std::string longest;
    for (int i = 0; i < 40; ++i)
        longest += "Größenänderung für Überwachung ";
    for (const std::string& text : {all, longest, std::string(5000, 'x'), std::string(3000, ' '),
                                    std::string(100, '.') + "\n.\n..\nFrom me\n", longest + all})
        for (const std::string& line : lines_of(compose(envelope, text, text))) {
            BOOST_TEST(line.size() <= 78U);
            BOOST_TEST(std::ranges::all_of(line, [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; }));
            BOOST_TEST(!line.starts_with("From "));
            BOOST_TEST(!line.starts_with("."));
        }
}

BOOST_AUTO_TEST_CASE(subjects) {
    BOOST_TEST(encode_subject("is active") == "is active");
    BOOST_TEST(encode_subject("für") == "=?UTF-8?B?ZsO8cg==?=");
    BOOST_TEST(encode_subject("=?x?").starts_with("=?UTF-8?B?"));
    const std::string folded = encode_subject(one_line(std::string(100, 'y'), subject_max));
    BOOST_TEST(folded.find("?=\r\n =?UTF-8?B?") != std::string::npos);
    // No character is cut in two: 42 octets are 14 of these.
    std::string wide;
    for (int i = 0; i < 30; ++i)
        wide += "\xe2\x82\xac";
    BOOST_TEST(encode_subject(wide).find("\r\n") == std::string("=?UTF-8?B?").size() + 56 + 2);
}

BOOST_AUTO_TEST_CASE(bodies) {
    const auto body = [](std::string_view text) {
        const std::string message = compose(envelope, "x", text);
        return message.substr(message.find("\r\n\r\n") + 4);
    };
    BOOST_TEST(body("a=b") == "a=3Db\r\n");
    BOOST_TEST(body("ü\r\nx") == "=C3=BC\r\nx\r\n");
    BOOST_TEST(body("end \nnext") == "end=20\r\nnext\r\n");
    BOOST_TEST(body("bad \xff octet") == "bad =EF=BF=BD octet\r\n");
    BOOST_TEST(body(".\n") == "=2E\r\n");
    BOOST_TEST(body("\xed\xa0\x80") == "=EF=BF=BD=EF=BF=BD=EF=BF=BD\r\n");     // a surrogate is no character
    BOOST_TEST(body("\xc0\xaf") == "=EF=BF=BD=EF=BF=BD\r\n");                  // overlong
    BOOST_TEST(clean_text(std::string(9, 'x') + "\xc3\xbc", 10).size() == 9U); // cut before, not within
}

BOOST_AUTO_TEST_CASE(dates) {
    const tandem::test::TimeZone zone{"CET-1CEST,M3.5.0,M10.5.0/3"};
    BOOST_TEST(date_text(envelope.date) == "Sun, 15 Jun 2025 17:06:40 +0200");
}

BOOST_AUTO_TEST_CASE(addresses) {
    for (const char* good : {"a@b", "ops+sip@mail.example.com", "x.y_z@[192.0.2.1]", "o'neil@example.com",
                             "a@[IPv6:2001:db8::1]"})
        BOOST_TEST(check_address(good).has_value(), good);
    const std::vector<std::string> all_bad{std::string{},
                                           std::string{"a"},
                                           std::string{"@b"},
                                           std::string{"a@"},
                                           std::string{"a b@c"},
                                           std::string{"<a@b>"},
                                           std::string{"A <a@b>"},
                                           std::string{"a@b>"},
                                           std::string{"a@b\r\nRCPT TO:<c@d>"},
                                           std::string{"a@b\n"},
                                           std::string{"a\0@b", 4},
                                           std::string{"a@b,c@d"},
                                           std::string{"\"a\"@b"},
                                           std::string{"a@@b"},
                                           std::string{".a@b"},
                                           std::string{"a.@b"},
                                           std::string{"a..b@c"},
                                           std::string{"a@-b"},
                                           std::string{"a@b..c"},
                                           std::string{"a@b c"},
                                           std::string{"\xc3\xbc@b"},
                                           std::string(65, 'a') + "@b",
                                           "a@" + std::string(64, 'b'),
                                           "a@b SIZE=1"};
    for (const std::string& bad : all_bad)
        BOOST_TEST(!check_address(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()
