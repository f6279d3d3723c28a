// SPDX-License-Identifier: GPL-3.0-or-later
// The synthetic account against a registrar and proxy as small as it can be.
#include "control/probe/sip_account.hh"
#include "dataplane/wire/sip.hh"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <map>

using namespace tandem;
using namespace tandem::probe;
using namespace std::chrono_literals;

namespace {

constexpr ha::Instant start{1000s};

/// Forwards as RFC 3261 section 16 wants it, with a Via and a Record-Route of its own.
struct Proxy {
    std::string contact;
    std::map<std::string, int> seen;   ///< requests, by method
    std::map<std::string, int> answer; ///< status instead of what is due; 0: none
    bool challenges{false};
    bool rings{false};

    static std::string reply(const std::string& request, int status, const std::string& more = {}) {
        SipResponse response;
        response.status = static_cast<std::uint16_t>(status);
        response.phrase = "Said";
        response.to_tag = "proxy";
        std::string text = *write_response(request, response);
        text.insert(text.find("\r\n") + 2, more);
        return text;
    }
    /// What the account hears of it.
    std::vector<std::string> take(const std::string& message) {
        const auto read = wire::parse_sip(message);
        BOOST_REQUIRE(read);
        if (read->kind == wire::SipKind::response) { // of the called party: our Via goes
            std::string text = message;
            const std::size_t via = text.find("Via: SIP/2.0/UDP proxy");
            text.erase(via, text.find("\r\n", via) + 2 - via);
            return {text};
        }
        const std::string method{read->method_name};
        ++seen[method];
        const auto told = answer.find(method);
        if (told != answer.end() && method != "ACK") {
            if (told->second != 0)
                return {reply(message, told->second)};
            return rings && method == "INVITE" ? std::vector{reply(message, 180)}
                                               : std::vector<std::string>{};
        }
        const bool in_call = !read->to.tag.empty();
        if (challenges && !in_call && method != "ACK" &&
            message.find("uthorization: Digest") == std::string::npos)
            return {method == "REGISTER"
                        ? reply(message, 401,
                                "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n")
                        : reply(message, 407, "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n")};
        if (method == "REGISTER") {
            contact = message.find("Expires: 0") == std::string::npos
                          ? std::string{read->contacts.kept[0].uri}
                          : "";
            return {reply(message, 200)};
        }
        if (method == "CANCEL")
            return {reply(message, 200)};
        if (contact.empty() || (method == "ACK" && !in_call))
            return {};
        std::string text = method + " " + contact + message.substr(message.find(" SIP/2.0"));
        text.insert(text.find("\r\n") + 2, "Via: SIP/2.0/UDP proxy;branch=z9hG4bKproxy" + method +
                                               "\r\nRecord-Route: <sip:proxy;lr>\r\n");
        return {text};
    }
};

struct Run {
    Proxy proxy;
    int random{0};
    SipAccount account;
    ha::Instant now{start};
    std::optional<SipAccount::Result> result;

    explicit Run(std::string password = {})
        : account({"sip:probe@x.test",
                   "sip:x.test",
                   "192.0.2.1:5070",
                   "UDP",
                   SipReliability::datagram,
                   {"probe", std::move(password)},
                   5s,
                   {},
                   70,
                   "tandem"},
                  [this](std::size_t) { return "r" + std::to_string(++random); }) {}
    void pass() {
        for (int i = 0; i < 200; ++i) {
            std::vector<std::string> out = account.take_output();
            if (auto got = account.take_result()) {
                BOOST_TEST(!result);
                result = std::move(got);
            }
            if (out.empty())
                return;
            for (const std::string& message : out)
                for (const std::string& back : proxy.take(message))
                    account.on_message(now, back);
        }
        BOOST_ERROR("it talks for ever");
    }
    /// Until nothing is left to do.
    void play() {
        account.begin(now);
        pass();
        to_end();
    }
    void to_end() {
        for (int i = 0; i < 200 && !account.over(); ++i) {
            now = account.due();
            account.on_time(now);
            pass();
        }
        BOOST_TEST(account.over());
        BOOST_TEST(proxy.contact.empty()); // nothing is left behind
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(sip_account)

BOOST_AUTO_TEST_CASE(registers_calls_and_unregisters) {
    Run run;
    run.play();
    BOOST_REQUIRE(run.result);
    BOOST_TEST(run.result->well, run.result->detail);
    BOOST_TEST((run.proxy.seen ==
                std::map<std::string, int>{{"REGISTER", 2}, {"INVITE", 1}, {"ACK", 1}, {"BYE", 1}}));
}

BOOST_AUTO_TEST_CASE(answers_challenges_of_registrar_and_proxy) {
    Run run("s3cret");
    run.proxy.challenges = true;
    run.play();
    BOOST_REQUIRE(run.result);
    BOOST_TEST(run.result->well, run.result->detail);
    BOOST_TEST(run.proxy.seen["REGISTER"] == 4);
    BOOST_TEST(run.proxy.seen["INVITE"] == 2);
    Run without;
    without.proxy.challenges = true;
    without.play();
    BOOST_TEST(without.result->detail == "registering failed: the answer is 401 (request failure)");
}

BOOST_AUTO_TEST_CASE(the_step_that_failed_is_named_and_what_was_done_is_undone) {
    const std::pair<const char*, const char*> steps[] = {{"REGISTER", "registering failed: "},
                                                         {"INVITE", "calling itself failed: "},
                                                         {"BYE", "ending the call failed: "}};
    for (const auto& [method, words] : steps) {
        for (const int status : {0, 403, 503}) {
            Run run;
            run.proxy.answer[method] = status;
            run.play();
            BOOST_REQUIRE(run.result);
            BOOST_TEST(!run.result->well);
            BOOST_TEST(run.result->detail.starts_with(words), run.result->detail);
            BOOST_TEST(run.proxy.seen["REGISTER"] >= (std::string_view{method} == "REGISTER" ? 1 : 2));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_call_that_rings_for_ever_is_cancelled) {
    Run run;
    run.proxy.answer["INVITE"] = 0;
    run.proxy.rings = true;
    run.play();
    BOOST_REQUIRE(run.result);
    BOOST_TEST(run.result->detail == "calling itself failed: no answer in time");
    BOOST_TEST(run.proxy.seen["CANCEL"] >= 1);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_behind_when_nobody_wants_to_know_any_more) {
    Run run;
    run.proxy.answer["INVITE"] = 0;
    run.account.begin(run.now);
    run.pass();
    run.account.abandon(run.now);
    run.pass();
    run.to_end();
    BOOST_TEST(!run.result);
}

BOOST_AUTO_TEST_CASE(strangers_cannot_call_it) {
    Run run;
    run.proxy.answer["INVITE"] = 0;
    run.account.begin(run.now);
    run.pass();
    const std::string call =
        "INVITE sip:probe@192.0.2.1:5070 SIP/2.0\r\nVia: SIP/2.0/UDP evil;branch=z9hG4bKe\r\n"
        "From: <sip:e@e>;tag=e\r\nTo: <sip:probe@x.test>\r\nCall-ID: e\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:e@e>\r\nContent-Length: 0\r\n\r\n";
    run.account.on_message(run.now, call);
    BOOST_TEST(run.account.take_output().empty());
    run.account.on_message(run.now, "garbage");
    run.account.on_message(run.now, std::string(70000, 'S'));
    BOOST_TEST(run.account.take_output().empty());
}

BOOST_AUTO_TEST_SUITE_END()
