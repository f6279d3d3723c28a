// SPDX-License-Identifier: GPL-3.0-or-later
// The torture messages of RFC 4475: what each is taken for, and why. The messages are in the shared corpora,
// whose text is the RFC's own; where they are not, there is nothing to compare and the test says so. One that
// is there and has no row here fails.
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/sip_marks.hh"
#include "tests/unit/wire/sip_corpus.hh"
#include "tests/unit/wire/sip_same.hh"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <set>
#include <string_view>
#include <vector>

namespace tandem::wire::test {
namespace {

/// What follows the message when it comes out of a stream (RFC 3261 section 18.3).
enum class Behind : std::uint8_t {
    nothing, ///< the message ends where the octets end
    more,    ///< octets that begin something else
    wait,    ///< the header section has no end yet
};

struct Verdict {
    std::string_view file;
    SipKind kind;
    std::string_view method;       ///< as a request pattern sees it, also of what is refused below
    std::optional<SipError> error; ///< why nothing of it is tracked; nothing: it is
    std::size_t contacts;          ///< values that are tracked, of an accepted message
    std::uint32_t body;            ///< octets, in a stream
    Behind behind;
};

constexpr auto request = SipKind::request;
constexpr auto response = SipKind::response;
constexpr auto tracked = std::nullopt;
constexpr auto nothing = Behind::nothing;

// An appliance is no end of the dialogue: it must mirror, track and pass on, and must never be stricter than
// the server behind it about what it does not look at. So syntax beyond the tracked header fields (bodies,
// dates, URI schemes and escapes, unknown parameters) is accepted, and what could be read in two ways is
// refused: not tracked, but still passed on, and still matched by its method. Below, "invalid" and "valid" is
// what the RFC says of a message.
const std::vector<Verdict> valid{
    // 3.1.1.2, valid: all characters that a token may have, in the method and elsewhere; the method is one of
    // its own.
    {"intmeth.dat", request, "!interesting-Method0123456789_*+`.%indeed'~", tracked, 0, 0, nothing},
    // 3.1.1.5, valid: escapes are none in a method or a header name. RE%47IST%45R is not REGISTER, and
    // C%6Fntact is
    // not Contact: two of the three addresses count.
    {"esc02.dat", request, "RE%47IST%45R", tracked, 2, 0, nothing},
    // 3.1.1.8, valid: in a datagram the first message counts and the rest is ignored; in a stream it is the
    // next one.
    {"dblreq.dat", request, "REGISTER", tracked, 1, 0, Behind::more},
    // 3.1.1.10, valid: unknown transports further down; only the topmost Via is looked at, and any token is a
    // transport.
    {"transports.dat", request, "OPTIONS", tracked, 0, 0, nothing},
    // 3.1.1.12, valid: a reason phrase of any UTF-8 text.
    {"unreason.dat", response, "INVITE", tracked, 1, 154, nothing},
    // 3.1.1.13, valid: an empty reason phrase; the blank behind the code is there.
    {"noreason.dat", response, "INVITE", tracked, 1, 0, nothing},
};

const std::vector<Verdict> invalid{
    // 3.1.2.1, invalid: separators without parameters. The Via is where answers go and the branch names the
    // transaction: one that cannot be read makes the message no use for tracking.
    {"badinv01.dat", request, "INVITE", SipError::via_malformed, 0, 152, nothing},
    // 3.1.2.4, invalid: numbers beyond their range; the CSeq is the first of them that is looked at, and it
    // orders
    // registrations, so it is not cut to something.
    {"scalar02.dat", request, "REGISTER", SipError::cseq_malformed, 0, 0, nothing},
    // 3.1.2.6, invalid: a quoted display name without an end. Where the tag begins cannot be told.
    {"quotbal.dat", request, "INVITE", SipError::to_malformed, 0, 152, nothing},
    // 3.1.2.7, invalid: angle brackets around the Request-URI. The RFC lets a server guess; an observer must
    // not guess
    // otherwise than the server. The method is clear, so the message is mirrored all the same.
    {"ltgtruri.dat", request, "INVITE", SipError::request_uri, 0, 159, nothing},
    // 3.1.2.8, invalid: blanks inside the Request-URI; as above.
    {"lwsruri.dat", request, "INVITE", SipError::request_uri, 0, 159, nothing},
    // 3.1.2.11, invalid: escaped header fields in the Request-URI. A URI is kept as it came and not taken
    // apart.
    {"escruri.dat", request, "INVITE", tracked, 1, 150, nothing},
    // 3.1.2.12, invalid: a Date in another zone than GMT. Date is not looked at.
    {"baddate.dat", request, "INVITE", tracked, 1, 150, nothing},
    // 3.1.2.13, invalid: a Contact URI with a question mark outside angle brackets, where it is not allowed.
    // Its end is
    // clear nevertheless (no comma, no semicolon), so the binding is tracked as the registrar may make it.
    {"regbadct.dat", request, "REGISTER", tracked, 1, 0, nothing},
    // 3.1.2.14, invalid: blanks between `<` and the URI in To. The URI is clear.
    {"badaspec.dat", request, "OPTIONS", tracked, 0, 0, nothing},
    // 3.1.2.15, invalid: display names with a comma outside quotes. This copy ends inside the header section,
    // before
    // the blank line, and that is what is found: a datagram so cut is refused, a stream waits for the rest.
    {"baddn-331.dat", request, "OPTIONS", SipError::unterminated, 0, 0, Behind::wait},
    // 3.1.2.18, invalid: the method of the request line is unknown and not that of the CSeq (RFC
    // 3261, 8.1.1.5).
    {"mismatch02.dat", request, "NEWMETHOD", SipError::cseq_mismatch, 0, 138, nothing},
    // 3.1.2.19, invalid: a status code of eleven digits. A code has three.
    {"bigcode.dat", response, "INVITE", SipError::status_code, 0, 0, nothing},
};

const std::vector<Verdict> of_applications{
    // 3.3.2, valid: a Request-URI of a scheme that nobody knows; not looked at.
    {"unkscm.dat", request, "OPTIONS", tracked, 0, 0, nothing},
    // 3.3.6, valid: a body of unknown type; not looked at.
    {"invut.dat", request, "INVITE", tracked, 1, 40, nothing},
    // 3.3.8, ambiguous: several CSeq, Call-ID, From and To. Which of them the server takes is unknown.
    {"multi01.dat", request, "INVITE", SipError::repeated_header, 0, 154, nothing},
    // 3.3.9, ambiguous: two Content-Length. For a datagram an error; in a stream the first one is taken, so
    // that the
    // next message is found where a server that takes the first one finds it.
    {"mcl01.dat", request, "OPTIONS", SipError::repeated_header, 0, 5, Behind::more},
    // 3.3.10, well-formed: a response with a broadcast address in its second Via. It is for its receiver to
    // discard it.
    {"bcast.dat", response, "INVITE", tracked, 1, 154, nothing},
    // 3.3.11, well-formed: Max-Forwards 0 is for the server to answer.
    {"zeromf.dat", request, "OPTIONS", tracked, 0, 0, nothing},
    // 3.3.12, well-formed: an unknown parameter without angle brackets belongs to the header field, not to
    // the URI.
    {"cparam01.dat", request, "REGISTER", tracked, 1, 0, nothing},
    // 3.3.15, well-formed: Accept forbids the answer's body. Not looked at.
    {"sdp01.dat", request, "INVITE", tracked, 1, 150, nothing},
};

std::string_view text_of(const std::optional<SipError>& error) {
    return error ? sentence(*error) : std::string_view{"tracked"};
}

Behind behind_of(const SipFraming& framing, std::size_t size) {
    if (framing.head == 0 || framing.head + framing.body > size)
        return Behind::wait;
    return framing.head + framing.body == size ? Behind::nothing : Behind::more;
}

void check(const Verdict& verdict, const std::string& text) {
    BOOST_TEST(
        (classify_datagram(text) == (verdict.kind == request ? SipContent::request : SipContent::response)));
    const auto summary = summarize(text);
    BOOST_REQUIRE(summary.has_value());
    BOOST_TEST((summary->kind == verdict.kind));
    BOOST_TEST(summary->method_name == verdict.method);

    const auto message = parse_sip(text);
    BOOST_TEST(text_of(message ? std::nullopt : std::optional{message.error()}) == text_of(verdict.error));
    const auto marks = std::make_unique<SipMarks>();
    SipMessage extracted;
    const auto error = extract_sip(text, best_sip_scanner(), *marks, extracted);
    BOOST_TEST(text_of(error) == text_of(verdict.error));
    if (message && !error) {
        BOOST_TEST(difference_of(*message, extracted) == std::string_view{});
        BOOST_TEST(message->contacts.count == verdict.contacts);
    }

    const auto framing = frame_sip(text);
    BOOST_REQUIRE(framing.has_value());
    BOOST_TEST(framing->body == verdict.body);
    BOOST_TEST((behind_of(*framing, text.size()) == verdict.behind));
}

} // namespace

BOOST_AUTO_TEST_SUITE(rfc4475)

BOOST_AUTO_TEST_CASE(every_message_has_the_verdict_that_the_table_says) {
    const auto corpora = shared_corpora();
    if (!corpora) {
        BOOST_TEST_MESSAGE("skipped: the shared corpora are not here");
        return;
    }
    std::set<std::string> listed;
    for (const auto* verdicts : {&valid, &invalid, &of_applications})
        for (const Verdict& verdict : *verdicts) {
            BOOST_TEST_CONTEXT(verdict.file)
            check(verdict, contents(*corpora / "sip/rfc4475" / verdict.file));
            BOOST_TEST(listed.emplace(verdict.file).second, verdict.file << " has two rows");
        }
    for (const auto& file : files_below(*corpora / "sip/rfc4475"))
        BOOST_TEST(listed.contains(file.filename().string()), file.filename().string() << " has no row");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
