// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/wire/sip_corpus.hh"

#include "dataplane/wire/sip.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

namespace tandem::wire::test {

std::filesystem::path own_corpus() {
    return std::filesystem::path{TANDEM_SOURCE_ROOT} / "tests/corpus";
}

std::optional<std::filesystem::path> shared_corpora() {
    const char* named = std::getenv("TANDEM_CORPORA");
    const auto directory = named != nullptr ? std::filesystem::path{named}
                                            : std::filesystem::path{TANDEM_SOURCE_ROOT} / "../shared/corpora";
    if (!std::filesystem::is_directory(directory))
        return std::nullopt;
    return directory;
}

std::string contents(const std::filesystem::path& file) {
    std::ifstream stream{file, std::ios::binary};
    BOOST_REQUIRE_MESSAGE(stream, "cannot read " << file);
    return {std::istreambuf_iterator<char>{stream}, {}};
}

std::vector<std::filesystem::path> files_below(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory})
        if (entry.is_regular_file())
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

namespace {

constexpr auto request = SipContent::request;
constexpr auto response = SipContent::response;
constexpr auto keepalive = SipContent::keepalive;
constexpr auto not_sip = SipContent::not_sip;

/// What is expected of one file.
struct Expected {
    std::string_view file;
    SipContent content;
    std::string_view method;       ///< as summarize gives it; empty: it refuses
    std::optional<SipError> error; ///< of parse_sip; nothing: it accepts
};

constexpr auto well_formed = std::nullopt;

const std::vector<Expected> own_cases{
    {"ack-crlf-before-start.sip", request, "ACK", well_formed},
    {"bad-blanks-around-uri.sip", request, "REGISTER", SipError::start_line},
    {"bad-bracket-without-end.sip", request, "INVITE", SipError::from_malformed},
    {"bad-content-length-beyond-end.sip", request, "MESSAGE", SipError::body_truncated},
    {"bad-content-length-negative.sip", request, "OPTIONS", SipError::content_length_malformed},
    {"bad-cseq-other-method.sip", request, "INVITE", SipError::cseq_mismatch},
    {"bad-cseq-overflow-in-response.sip", response, "", SipError::cseq_malformed},
    {"bad-cseq-too-large.sip", request, "OPTIONS", SipError::cseq_malformed},
    {"bad-ends-in-header.sip", request, "INVITE", SipError::unterminated},
    {"bad-first-header-folded.sip", request, "INVITE", SipError::header_line},
    {"bad-header-without-colon.sip", request, "OPTIONS", SipError::header_line},
    {"bad-max-forwards-300.sip", request, "OPTIONS", SipError::max_forwards_malformed},
    {"bad-no-call-id.sip", request, "REGISTER", SipError::call_id_missing},
    {"bad-no-via.sip", request, "REGISTER", SipError::via_missing},
    {"bad-quote-without-end.sip", request, "INVITE", SipError::to_malformed},
    {"bad-status-too-large.sip", response, "REGISTER", SipError::status_code},
    {"bad-two-call-ids.sip", request, "INVITE", SipError::repeated_header},
    {"bad-uri-in-brackets.sip", request, "OPTIONS", SipError::request_uri},
    {"bad-uri-with-blanks.sip", request, "INVITE", SipError::request_uri},
    {"bad-version-7.sip", request, "", SipError::version},
    {"bad-via-parameters.sip", request, "INVITE", SipError::via_malformed},
    {"bad-wildcard-with-contact.sip", request, "REGISTER", SipError::contact_malformed},
    {"bye-with-routes.sip", request, "BYE", well_formed},
    {"cancel-line-feeds-only.sip", request, "CANCEL", well_formed},
    {"extension-method-all-token-chars.sip", request, "A-z.0!9%*_+`'~", well_formed},
    {"info-trailing-second-request.sip", request, "INFO", well_formed},
    {"invite-all-compact-names.sip", request, "INVITE", well_formed},
    {"invite-odd-case-and-order.sip", request, "INVITE", well_formed},
    {"invite-with-body.sip", request, "INVITE", well_formed},
    {"keepalive-double-crlf.sip", keepalive, "", SipError::not_sip},
    {"keepalive-old-stun-binding.sip", keepalive, "", SipError::not_sip},
    {"keepalive-one-crlf.sip", keepalive, "", SipError::not_sip},
    {"keepalive-stun-binding.sip", keepalive, "", SipError::not_sip},
    {"keepalive-zero-octets.sip", keepalive, "", SipError::not_sip},
    {"lower-case-method-is-another.sip", request, "invite", well_formed},
    {"message-utf8-body.sip", request, "MESSAGE", well_formed},
    {"not-sip-http-get.sip", not_sip, "", SipError::not_sip},
    {"not-sip-rtp.sip", not_sip, "", SipError::not_sip},
    {"not-sip-ssdp-notify.sip", not_sip, "", SipError::not_sip},
    {"not-sip-text-with-sip-version.sip", not_sip, "", SipError::not_sip},
    {"notify-no-content-length.sip", request, "NOTIFY", well_formed},
    {"options-folded-everywhere.sip", request, "OPTIONS", well_formed},
    {"prack-cseq-largest.sip", request, "PRACK", well_formed},
    {"publish-expires-not-a-number.sip", request, "PUBLISH", well_formed},
    {"refer-empty-values.sip", request, "REFER", well_formed},
    {"register-plain.sip", request, "REGISTER", well_formed},
    {"register-two-contacts-one-field.sip", request, "REGISTER", well_formed},
    {"register-wildcard-contact.sip", request, "REGISTER", well_formed},
    {"response-200-register.sip", response, "REGISTER", well_formed},
    {"response-cseq-is-last-and-folded.sip", response, "SUBSCRIBE", well_formed},
    {"response-extension-status-999.sip", response, "NOTIFY", well_formed},
    {"response-no-reason.sip", response, "INVITE", well_formed},
    {"response-utf8-reason.sip", response, "INVITE", well_formed},
    {"subscribe-several-vias-one-field.sip", request, "SUBSCRIBE", well_formed},
    {"update-huge-expires-and-unknown-scheme.sip", request, "UPDATE", well_formed},
};

// RFC 5118 section 4, as far as its messages are in the shared corpora. What it calls invalid only beyond the
// syntax that is looked at here (URIs) is accepted. RFC 4475 has a test of its own.
const std::vector<Expected> torture_cases{
    {"rfc5118/ipv4-mapped-ipv6.dat", request, "INVITE", well_formed},
    {"rfc5118/ipv6-bug-abnf-3-colons.dat", request, "OPTIONS", well_formed},
    {"rfc5118/ipv6-good.dat", request, "REGISTER", well_formed},
    {"rfc5118/mult-ip-in-header.dat", request, "BYE", well_formed},
    {"rfc5118/port-ambiguous.dat", request, "REGISTER", well_formed},
    {"rfc5118/via-received-param-no-delim.dat", request, "OPTIONS", well_formed},
};

std::string_view text_of(const std::optional<SipError>& error) {
    return error ? sentence(*error) : std::string_view{"well-formed"};
}

bool inside(std::string_view part, std::string_view whole) {
    return part.empty() ||
           (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

/// What sip.hh promises about the three readers, for any text.
void check_agreement(const std::string& text) {
    const auto content = classify_datagram(text);
    const auto summary = summarize(text);
    const auto message = parse_sip(text);
    if (message) {
        BOOST_REQUIRE(summary);
        BOOST_TEST((summary->kind == message->kind));
        BOOST_TEST((summary->method == message->method));
        BOOST_TEST(summary->method_name == message->method_name);
        BOOST_TEST(!message->call_id.empty());
        for (const auto part :
             {message->method_name, message->request_uri, message->call_id, message->from.uri,
              message->to.tag, message->via.branch, message->contacts.kept[0].uri, message->body})
            BOOST_TEST(inside(part, text));
    }
    if (summary)
        BOOST_TEST((content == (summary->kind == SipKind::request ? request : response)));
    if (content == keepalive || content == not_sip) {
        BOOST_TEST(!summary.has_value());
        BOOST_TEST(!message.has_value());
    }
}

void check(const Expected& expected, const std::string& text) {
    BOOST_TEST_CONTEXT(expected.file) {
        BOOST_TEST((classify_datagram(text) == expected.content));
        const auto summary = summarize(text);
        BOOST_TEST((summary ? summary->method_name : std::string_view{}) == expected.method);
        const auto message = parse_sip(text);
        const auto error = message ? std::optional<SipError>{} : std::optional{message.error()};
        BOOST_TEST(text_of(error) == text_of(expected.error));
        check_agreement(text);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(sip_corpus)

BOOST_AUTO_TEST_CASE(every_own_message_is_what_the_table_says) {
    for (const Expected& expected : own_cases)
        check(expected, contents(own_corpus() / "sip" / expected.file));
}

BOOST_AUTO_TEST_CASE(every_own_message_is_in_the_table) {
    std::set<std::string> listed;
    for (const Expected& expected : own_cases)
        listed.emplace(expected.file);
    for (const auto& file : files_below(own_corpus() / "sip"))
        BOOST_TEST(listed.contains(file.filename().string()), file.filename().string() << " is in no table");
}

// A message cut anywhere is still read without harm, and the readers still agree.
BOOST_AUTO_TEST_CASE(every_own_message_cut_anywhere) {
    for (const auto& file : files_below(own_corpus() / "sip")) {
        const std::string text = contents(file);
        BOOST_TEST_CONTEXT(file.filename().string())
        for (std::size_t length = 0; length < text.size(); ++length)
            check_agreement(std::string{text.data(), length});
    }
}

BOOST_AUTO_TEST_CASE(torture_messages_of_the_shared_corpora) {
    const auto corpora = shared_corpora();
    if (!corpora) {
        BOOST_TEST_MESSAGE("skipped: the shared corpora are not here");
        return;
    }
    std::set<std::string> listed;
    for (const Expected& expected : torture_cases) {
        listed.emplace(expected.file);
        check(expected, contents(*corpora / "sip" / expected.file));
    }
    for (const auto& file : files_below(*corpora / "sip/rfc5118")) {
        const auto name = "rfc5118/" + file.filename().string();
        BOOST_TEST(listed.contains(name), name << " is in no table");
    }
}

BOOST_AUTO_TEST_CASE(the_readers_agree_on_the_shared_corpora) {
    const auto corpora = shared_corpora();
    if (!corpora) {
        BOOST_TEST_MESSAGE("skipped: the shared corpora are not here");
        return;
    }
    for (const auto& file : files_below(*corpora / "sip"))
        BOOST_TEST_CONTEXT(file.string())
    check_agreement(contents(file));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
