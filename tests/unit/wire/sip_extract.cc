// SPDX-License-Identifier: GPL-3.0-or-later
// The fast reader against the plain one, and each form of the marking pass against the scalar one: over the
// corpora, over every cut of a message, and over messages with octets changed at random.
#include "dataplane/wire/sip_marks.hh"
#include "tests/unit/wire/sip_corpus.hh"
#include "tests/unit/wire/sip_same.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tandem::wire::test {
namespace {

std::vector<SipScanner> scanners() {
    std::vector<SipScanner> found;
    for (const auto scanner : {SipScanner::scalar, SipScanner::sse42, SipScanner::avx2, SipScanner::avx512,
                               SipScanner::avx512_vbmi})
        if (available(scanner))
            found.push_back(scanner);
    return found;
}

std::string shown(std::string_view text) {
    std::string safe;
    for (const char c : text.substr(0, 2000))
        if (c >= ' ' && c <= '~') {
            safe += c;
        } else {
            constexpr std::string_view digits{"0123456789abcdef"};
            const auto octet = static_cast<unsigned char>(c);
            safe += {'\\', 'x', digits[octet / 16], digits[octet % 16]};
        }
    return safe;
}

struct Fixture {
    std::unique_ptr<SipMarks> marks{std::make_unique<SipMarks>()};
    SipMessage message;

    void check(std::string_view text) {
        const auto expected = parse_sip(text);
        for (const auto scanner : scanners()) {
            const auto error = extract_sip(text, scanner, *marks, message);
            if (expected.has_value() != !error.has_value() || (error && *error != expected.error()))
                BOOST_ERROR("the readers differ: " << (expected ? "well-formed" : sentence(expected.error()))
                                                   << " and " << (error ? sentence(*error) : "well-formed")
                                                   << " by " << to_string(scanner) << " of " << shown(text));
            if (expected && !error)
                if (const auto difference = difference_of(*expected, message); !difference.empty())
                    BOOST_ERROR("the readers differ in " << difference << " by " << to_string(scanner)
                                                         << " of " << shown(text));
        }
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(sip_extract, Fixture)

BOOST_AUTO_TEST_CASE(every_own_message_cut_anywhere_is_read_alike) {
    for (const auto& file : files_below(own_corpus() / "sip")) {
        const std::string text = contents(file);
        for (std::size_t length = 0; length <= text.size(); ++length)
            check(std::string{text.data(), length}); // a copy of its own: the sanitizer sees its end
    }
}

BOOST_AUTO_TEST_CASE(own_messages_with_octets_changed_are_read_alike) {
    std::mt19937_64 random{4711};
    const std::string octets{"\r\n\t \"\\<>;,=:@*aZ9-.%/[]\x7f\xff\0", 27};
    for (const auto& file : files_below(own_corpus() / "sip")) {
        const std::string text = contents(file);
        for (int i = 0; i < 200 && !text.empty(); ++i) {
            std::string changed = text;
            for (std::uint64_t n = random() % 4 + 1; n > 0 && !changed.empty(); --n) {
                const std::size_t at = random() % changed.size();
                switch (random() % 3) {
                case 0:
                    changed[at] = octets[random() % octets.size()];
                    break;
                case 1:
                    changed.insert(at, 1, octets[random() % octets.size()]);
                    break;
                default:
                    changed.erase(at, random() % 3 + 1);
                    break;
                }
            }
            check(changed);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_shared_corpora_are_read_alike) {
    const auto corpora = shared_corpora();
    if (!corpora) {
        BOOST_TEST_MESSAGE("skipped: the shared corpora are not here");
        return;
    }
    for (const auto& file : files_below(*corpora / "sip"))
        check(contents(file));
}

BOOST_AUTO_TEST_CASE(the_largest_and_the_smallest) {
    check("");
    check("\r\n");
    check("\n\n");
    std::string large = "OPTIONS sip:a SIP/2.0\r\nSubject: ";
    large.resize(sip_octets_max, 'x');
    check(large);
    large.replace(large.size() - 4, 4, "\r\n\r\n");
    check(large);
    large += 'x';
    check(large);
    std::string many = "OPTIONS sip:a SIP/2.0\r\n";
    for (std::size_t i = 0; i < sip_headers_max + 1; ++i)
        many += "X: y\r\n";
    check(many + "\r\n");
}

/// What is marked of a text, in a form that can be compared.
struct Marked {
    explicit Marked(const SipMarks& marks)
        : head(marks.head())
        , lines(marks.lines())
        , plain(marks.plain()) {
        for (std::size_t i = 0; i < head; ++i) {
            separators.push_back(marks.separator(i));
            stops.push_back(marks.stop(i));
            line_feeds.push_back(marks.line_feed(i));
        }
        for (const std::uint16_t* line = marks.beginnings(); *line != SipMarks::no_line; ++line)
            beginnings.push_back(*line);
    }
    bool operator==(const Marked&) const = default;

    std::size_t head;
    std::size_t lines;
    bool plain;
    std::vector<std::size_t> separators{};
    std::vector<std::size_t> stops{};
    std::vector<std::size_t> line_feeds{};
    std::vector<std::size_t> beginnings{};
};

BOOST_AUTO_TEST_CASE(every_octet_is_marked_alike) {
    std::string octets;
    for (int octet = 0; octet < 256; ++octet)
        octets += static_cast<char>(octet);
    octets.insert(0, 37, 'a');
    for (std::size_t length = 0; length <= octets.size(); ++length)
        for (const std::string_view blank : {"", "\n\n", "\r\n\r\n", "\n\r\nrest: of\r\n"}) {
            const std::string text = octets.substr(0, length) + std::string{blank};
            marks->mark(text, SipScanner::scalar);
            const Marked expected{*marks};
            for (const auto scanner : scanners()) {
                marks->mark(text, scanner);
                BOOST_TEST((Marked{*marks} == expected));
            }
        }
}

BOOST_AUTO_TEST_CASE(what_is_marked_is_what_the_text_says) {
    const std::string head = "a b\r\nVia: x\x80\x7f;,\r\nA-Name:\r\nt:<y>\n\r\n";
    for (std::size_t before = 0; before < 150; ++before)
        for (const auto scanner : scanners()) {
            const std::string text = std::string(before, 'q') + head + "Via = body\r\n\r\n";
            marks->mark(text, scanner);
            BOOST_TEST(marks->head() == before + head.size());
            BOOST_TEST(marks->lines() == 5U);
            BOOST_TEST(marks->plain());
            const auto first = [&](std::size_t from, std::string_view octets) {
                return text.find_first_of(octets, from);
            };
            BOOST_TEST(marks->beginnings()[0] == before + 5);
            BOOST_TEST(marks->beginnings()[1] == before + 26);
            BOOST_TEST(marks->beginnings()[2] == SipMarks::no_line);
            for (std::size_t i = 0; i < marks->head(); ++i) {
                BOOST_TEST(marks->separator(i) == first(i, " :\r\n<>;,\x80\x7f"));
                BOOST_TEST(marks->stop(i) == first(i, " \r\n<>;,\x80\x7f"));
                BOOST_TEST(marks->line_feed(i) == first(i, "\n"));
            }
        }
}

BOOST_AUTO_TEST_CASE(marks_far_apart_are_found) {
    for (std::size_t length = 0; length < 300; ++length)
        for (const auto scanner : scanners()) {
            const std::string text = "a b\r\nc:" + std::string(length, 'd') + ";\r\n\r\n";
            marks->mark(text, scanner);
            for (std::size_t i = 7; i < 7 + length; ++i) {
                BOOST_TEST(marks->separator(i) == 7 + length);
                BOOST_TEST(marks->stop(i) == 7 + length);
                BOOST_TEST(marks->line_feed(i) == 9 + length);
            }
        }
}

BOOST_AUTO_TEST_CASE(lines_that_are_not_plain_are_told) {
    for (std::size_t before = 0; before < 150; ++before)
        for (const auto scanner : scanners()) {
            const auto plain = [&](const std::string& lines) {
                marks->mark(std::string(before, 'q') + "\r\n" + lines + "\r\n\r\n b:\r\n", scanner);
                return marks->head() != 0 && marks->plain();
            };
            BOOST_TEST(plain("Name: value"));
            BOOST_TEST(!plain("Name : value"));
            BOOST_TEST(!plain("Name value:"));
            BOOST_TEST(!plain("Name"));
            BOOST_TEST(!plain(": value"));
            BOOST_TEST(!plain("Name: value\r\n folded"));
            BOOST_TEST(!plain("Name: value\n\tfolded"));
            BOOST_TEST(!plain("Name: value\r\n\rName: value"));
            BOOST_TEST(!plain("A: b\r\nName\xff: value"));
        }
}

BOOST_AUTO_TEST_CASE(the_pass_ends_at_the_blank_line) {
    for (const std::string_view blank : {"\n\n", "\n\r\n"})
        for (std::size_t before = 1; before < 200; ++before) {
            const std::string text = std::string(before, 'a') + std::string{blank} + std::string(1000, 'b');
            for (const auto scanner : scanners()) {
                marks->mark(text, scanner);
                BOOST_TEST(marks->head() == before + blank.size());
                BOOST_TEST(marks->separator(0) == before);
                BOOST_TEST(marks->separator(before + blank.size() - 1) == before + blank.size() - 1);
            }
        }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
