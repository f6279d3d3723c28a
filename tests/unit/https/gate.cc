// SPDX-License-Identifier: GPL-3.0-or-later
// Who may, from where and how often.
#include "bench.hh"

#include "control/api/remote.hh"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

using namespace tandem;
using namespace tandem::https;
using namespace std::chrono_literals;

namespace {

const std::string status_asked = request("GET", "/v1/status", with_token(reader_token));
const std::string failover = "/v1/groups/sip/failover";

wire::IpAddress address(const char* text) {
    return *wire::IpAddress::parse(text);
}

Gate::Settings shared(config::Api settings) {
    return std::make_shared<const config::Api>(std::move(settings));
}

} // namespace

BOOST_AUTO_TEST_SUITE(gate)

BOOST_AUTO_TEST_CASE(nobody_without_credentials) {
    Bench bench;
    for (const char* line :
         {"", "Authorization: Bearer wrong\r\n", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n",
          "Authorization: Basic tdm_reader\r\n", "Authorization: tdm_reader\r\n",
          "Authorization: Bearer tdm_reader x\r\n", "Authorization: Bearer tdm_reade\r\n"}) {
        const auto seen = bench.ask(request("GET", "/v1/status", line));
        BOOST_TEST_CONTEXT(line) {
            BOOST_TEST(seen.at(0).status == 401U);
            BOOST_TEST(seen.at(0).has("WWW-Authenticate: Bearer"));
        }
    }
    // Whoever is nobody does not learn what there is.
    BOOST_TEST(bench.ask(request("GET", "/v1/nothing")).at(0).status == 401U);
    BOOST_TEST(bench.ask(request("GET", "/../x")).at(0).status == 401U);
    BOOST_TEST(bench.ask(request("GET", "/v1/openapi.json")).at(0).status == 401U);
    BOOST_TEST(bench.calls.empty());
    BOOST_TEST(bench.ask(request("GET", "/v1/status", "authorization: bearer tdm_reader\r\n")).at(0).status ==
               200U);
}

BOOST_AUTO_TEST_CASE(an_empty_configuration_lets_nobody_in) {
    config::Api settings = usual_settings();
    settings.tokens.clear();
    settings.clients.clear();
    Bench bench{settings};
    bench.peer.certificate = {"doer"};
    bench.connect();
    BOOST_TEST(bench.ask(status_asked).at(0).status == 401U);
    BOOST_TEST(bench.ask(request("GET", "/v1/status")).at(0).status == 403U);
    BOOST_TEST(bench.ask(request("GET", "/v1/status", "Authorization: Bearer \r\n")).at(0).status == 401U);
    BOOST_TEST(bench.calls.empty());
}

BOOST_AUTO_TEST_CASE(who_may_only_read_cannot_act) {
    Bench bench;
    BOOST_TEST(bench.ask(request("POST", failover, with_token(reader_token), "{}")).at(0).status == 403U);
    BOOST_TEST(bench.calls.empty());
    bench.connect();
    BOOST_TEST(bench.ask(request("POST", failover, with_token(actor_token), "{}")).at(0).status == 200U);
    BOOST_TEST(bench.calls.at(0).caller == "actor");
}

BOOST_AUTO_TEST_CASE(a_certificate_is_a_name) {
    Bench bench;
    bench.peer.certificate = {"unknown", "doer"};
    bench.connect();
    BOOST_TEST(bench.ask(request("POST", failover)).at(0).status == 200U);
    BOOST_TEST(bench.calls.at(0).caller == "doer");
    // Who presents a token is judged by it.
    BOOST_TEST(bench.ask(request("POST", failover, with_token("wrong"))).at(0).status == 401U);
    BOOST_TEST(bench.ask(request("POST", failover, with_token(reader_token))).at(0).status == 403U);
    bench.peer.certificate = {"looker"};
    bench.connect();
    BOOST_TEST(bench.ask(request("POST", failover)).at(0).status == 403U);
    BOOST_TEST(bench.ask(request("GET", "/v1/alarms")).at(0).status == 200U);
    bench.peer.certificate = {"stranger"};
    bench.connect();
    BOOST_TEST(bench.ask(request("GET", "/v1/status")).at(0).status == 403U);
    BOOST_TEST(bench.calls.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_revoked_ends_with_the_next_request) {
    Bench bench;
    BOOST_TEST(bench.ask(status_asked).at(0).status == 200U);
    config::Api without = usual_settings();
    without.tokens.erase(without.tokens.begin());
    BOOST_REQUIRE(bench.gate().reconfigure(shared(without), Gate::Authorities::same));
    BOOST_TEST(bench.ask(status_asked).at(0).status == 401U);
    BOOST_TEST(bench.open());
    // Another authority: what the old one has vouched for is nothing.
    bench.peer.certificate = {"looker"};
    bench.connect();
    BOOST_TEST(bench.ask(request("GET", "/v1/status")).at(0).status == 200U);
    BOOST_REQUIRE(bench.gate().reconfigure(shared(without), Gate::Authorities::other));
    BOOST_TEST(bench.ask(request("GET", "/v1/status")).at(0).status == 401U);
    without.remote_access = {*wire::Prefix::parse("10.0.0.0/8")};
    BOOST_REQUIRE(bench.gate().reconfigure(shared(without), Gate::Authorities::same));
    BOOST_TEST(bench.ask(request("GET", "/v1/status", with_token(actor_token))).at(0).status == 403U);
    BOOST_TEST(!bench.open());
}

BOOST_AUTO_TEST_CASE(both_filters_must_let_an_address_in) {
    config::Api settings = usual_settings();
    settings.remote_access = {*wire::Prefix::parse("10.1.0.0/16"), *wire::Prefix::parse("2001:db8::/32")};
    settings.remote_access_pattern = R"(10\.1\.[0-9]+\.7|2001:.*)";
    Bench bench{settings};
    const auto admits = [&](const char* text) { return bench.gate().admits(address(text), bench.now); };
    BOOST_TEST(admits("10.1.2.7"));
    BOOST_TEST(admits("::ffff:10.1.2.7"));
    BOOST_TEST(admits("2001:db8::1"));
    BOOST_TEST(!admits("10.1.2.77"));
    BOOST_TEST(!admits("110.1.2.7"));
    BOOST_TEST(!admits("10.2.2.7"));
    BOOST_TEST(!admits("2001:db9::1"));
    settings.remote_access_pattern = "(a{1000}){1000}";
    BOOST_TEST(!bench.gate().reconfigure(shared(settings), Gate::Authorities::same));
    BOOST_TEST(!admits("10.2.2.7")); // the old filter is still there
}

BOOST_AUTO_TEST_CASE(too_many_requests) {
    config::Api settings = usual_settings();
    settings.rate_per_minute = 60;
    settings.burst = 3;
    Bench bench{settings};
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(bench.ask(status_asked).at(0).status == 200U);
    const auto refused = bench.ask(status_asked);
    BOOST_TEST(refused.at(0).status == 429U);
    BOOST_TEST(refused.at(0).has("Retry-After: 1\r\n"));
    bench.peer.address = address("192.0.2.8");
    bench.connect();
    BOOST_TEST(bench.ask(status_asked).at(0).status == 200U);
    bench.peer.address = address("192.0.2.7");
    bench.connect();
    BOOST_TEST(bench.ask(status_asked).at(0).status == 429U);
    bench.now += 1s;
    BOOST_TEST(bench.ask(status_asked).at(0).status == 200U);
    BOOST_TEST(bench.ask(status_asked).at(0).status == 429U);
    // Wrong tokens are paid for like right ones.
    bench.now += 3s;
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(bench.ask(request("GET", "/v1/status")).at(0).status == 401U);
    BOOST_TEST(bench.ask(request("GET", "/v1/status")).at(0).status == 429U);
}

BOOST_AUTO_TEST_CASE(connections_have_a_rate_too) {
    config::Api settings = usual_settings();
    settings.burst = 2;
    Bench bench{settings};
    for (int i = 0; i < 4; ++i)
        BOOST_TEST(bench.gate().admits(address("192.0.2.1"), bench.now));
    BOOST_TEST(!bench.gate().admits(address("192.0.2.1"), bench.now));
    BOOST_TEST(bench.gate().admits(address("192.0.2.2"), bench.now));
}

BOOST_AUTO_TEST_CASE(refusals_are_counted_and_told_once) {
    Bench bench;
    for (int i = 0; i < 50; ++i)
        bench.send(request("GET", "/v1/status"));
    BOOST_REQUIRE(bench.told.size() == 1U);
    BOOST_TEST(bench.told[0] == "refused 192.0.2.7: no_credentials");
    bench.now += Refusals::interval;
    bench.send(request("GET", "/v1/status"));
    BOOST_REQUIRE(bench.told.size() == 2U);
    BOOST_TEST(bench.told[1] == "refused 192.0.2.7: no_credentials, 50 since it was told last");
    const auto counters = bench.ask(request("GET", "/v1/api", with_token(reader_token))).at(0).document();
    BOOST_TEST(counters.at("refused").at("no_credentials").as_int64() == 51);
    BOOST_TEST(counters.at("refused").at("scope").as_int64() == 0);
}

BOOST_AUTO_TEST_CASE(the_log_has_a_bound) {
    std::size_t lines = 0;
    Refusals refusals{[&](const std::string&) { ++lines; }};
    const ha::Instant now{1h};
    for (unsigned i = 0; i < 100'000; ++i)
        refusals.add(wire::IpAddress::v4({10, static_cast<std::uint8_t>(i >> 16U),
                                          static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}),
                     Refusal::malformed, now);
    BOOST_TEST(lines == Refusals::pairs_max + 1);
    BOOST_TEST(refusals.count(Refusal::malformed) == 100'000U);
    refusals.add(address("192.0.2.1"), Refusal::malformed, now + Refusals::interval);
    BOOST_TEST(lines == Refusals::pairs_max + 2);
}

BOOST_AUTO_TEST_CASE(the_table_of_rates_has_a_bound_and_counts_networks) {
    RateLimiter limiter{60, 1};
    const ha::Instant now{1h};
    for (unsigned i = 0; i < 20'000; ++i)
        limiter.ask(
            wire::IpAddress::v4({10, 0, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}),
            now);
    BOOST_TEST(limiter.size() == RateLimiter::addresses_max);
    BOOST_TEST((limiter.ask(address("2001:db8::1"), now) == RateLimiter::Verdict::take));
    BOOST_TEST((limiter.ask(address("2001:db8::ffff:1"), now) == RateLimiter::Verdict::refuse));
    BOOST_TEST((limiter.ask(address("2001:db8:0:1::1"), now) == RateLimiter::Verdict::take));
    BOOST_TEST((limiter.ask(address("::ffff:192.0.2.1"), now) == RateLimiter::Verdict::take));
    BOOST_TEST((limiter.ask(address("192.0.2.1"), now) == RateLimiter::Verdict::refuse));
    BOOST_TEST((limiter.ask(address("192.0.2.1"), now + 1s) == RateLimiter::Verdict::take));
    // A bucket that was empty for a year is not fuller than full.
    BOOST_TEST((limiter.ask(address("192.0.2.1"), now + 9000h) == RateLimiter::Verdict::take));
    BOOST_TEST((limiter.ask(address("192.0.2.1"), now + 9000h) == RateLimiter::Verdict::refuse));
}

BOOST_AUTO_TEST_CASE(what_is_served_is_what_the_brain_exposes) {
    std::set<std::string_view> served;
    for (const Route& route : routes())
        if (!route.method.empty())
            served.insert(route.method);
    const std::set<std::string_view> exposed(api::remote_methods.begin(), api::remote_methods.end());
    BOOST_TEST((served == exposed));
}

BOOST_AUTO_TEST_SUITE_END()
