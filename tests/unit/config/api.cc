// SPDX-License-Identifier: GPL-3.0-or-later
// `[api]`.
#include "example.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::config;

namespace {

const std::string least = "[api]\nlisten = [\"10.0.0.1\"]\ncertificate = \"/c\"\nkey = \"/k\"\n";
const std::string hash = "sha256:" + std::string(63, '0') + "1";

Api api_of(const std::string& more) {
    const auto config = parse(with_more(more), "f");
    BOOST_REQUIRE(config);
    BOOST_REQUIRE(config->api.has_value());
    return *config->api;
}

std::string token(const std::string& name, const std::string& with_hash) {
    return "[[api.token]]\nname = \"" + name + "\"\nscope = \"read\"\nhash = \"" + with_hash + "\"\n";
}

/// One problem, `line` lines behind the beginning of what is added.
void refused(const std::string& more, std::size_t line, std::string_view what, std::string_view hint = {}) {
    expect_one(with_more(more), last_line() + line, what, hint);
}

} // namespace

BOOST_AUTO_TEST_SUITE(api)

BOOST_AUTO_TEST_CASE(without_a_section_there_is_nobody) {
    const auto config = parse(good_text(), "f");
    BOOST_REQUIRE(config);
    BOOST_TEST(!config->api.has_value());
}

BOOST_AUTO_TEST_CASE(defaults) {
    const Api api = api_of(least);
    BOOST_REQUIRE(api.listen.size() == 1U);
    BOOST_TEST(api.listen[0].port == 7443U);
    BOOST_TEST(api.user == "tandem-api");
    BOOST_TEST(api.rate_per_minute == 120U);
    BOOST_TEST(api.burst == 20U);
    BOOST_TEST(api.body_max == 65536U);
    BOOST_TEST((api.tokens.empty() && api.clients.empty() && api.remote_access.empty()));
}

BOOST_AUTO_TEST_CASE(every_key_is_read) {
    const Api api = api_of(R"([api]
listen = ["10.0.0.1:443", "[2001:db8::1]:8443", "::", "0.0.0.0:7444"]
certificate = "/c"
key = "/k"
client_ca_file = "/ca"
user = "www"
remote_access = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]
remote_access_pattern = "10\\.1\\..*"
rate_per_minute = 60
burst = 1
body_max = 1024
header_max = 2048
connections_max = 2
connections_per_address = 1
[[api.client]]
name = "ops"
scope = "act"
[[api.client]]
name = "eye"
scope = "read"
)" + token("mon", hash));
    BOOST_REQUIRE(api.listen.size() == 4U);
    BOOST_TEST(api.listen[1].address.to_string() == "2001:db8::1");
    BOOST_TEST(api.listen[1].port == 8443U);
    BOOST_TEST(api.listen[2].port == 7443U);
    BOOST_TEST(api.remote_access.size() == 3U);
    BOOST_TEST(api.remote_access_pattern == R"(10\.1\..*)");
    BOOST_REQUIRE(api.clients.size() == 2U);
    BOOST_TEST((api.clients[0].scope == ApiScope::act && api.clients[1].scope == ApiScope::read));
    BOOST_REQUIRE(api.tokens.size() == 1U);
    BOOST_TEST(unsigned{api.tokens[0].digest[31]} == 1U);
    BOOST_TEST(write_token_hash(api.tokens[0].digest) == hash);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_where_it_stands) {
    const auto listen = [](const std::string& text) {
        refused("[api]\nlisten = [\"" + text + "\"]\ncertificate = \"/c\"\nkey = \"/k\"\n", 2,
                "is not an address with a port");
    };
    for (const char* text : {"", "node:7443", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:7443x",
                             "[::1", "[::1]x", "[::1]:", "[10.0.0.1]:1", "10.0.0.1/24", ":7443"})
        listen(text);
    refused(least + "secret = 1\n", 5, "secret");
    refused("[api]\nlisten = [\"10.0.0.1\"]\nkey = \"/k\"\n", 1, "\"certificate\" is missing",
            "tandemctl api certificates");
    refused(least + "remote_access = [\"all\"]\n", 5, "is not a network");
    refused(least + "remote_access_pattern = \"(\"\n", 5, "the expression");
    refused(least + "remote_access_pattern = \"((a{900}){900}){900}\"\n", 5, "repeats too much",
            "whole address");
    refused(least + "burst = 0\n", 5, "burst");
    refused(least + "[[api.client]]\nname = \"ops\"\nscope = \"act\"\n", 5, "needs an authority",
            "client_ca_file");
    refused(least + "[[api.token]]\nname = \"a b\"\nscope = \"read\"\nhash = \"" + hash + "\"\n", 6,
            "cannot be");
    refused(least + "[[api.token]]\nname = \"a\"\nscope = \"all\"\nhash = \"" + hash + "\"\n", 7, "scope");
    for (const std::string& text : {std::string{"tdm_x"}, "sha256:" + std::string(63, '0'),
                                    "sha256:" + std::string(64, 'g'), "sha1:" + std::string(64, '0'),
                                    "sha256:" + std::string(65, '0'), "sha256:+" + std::string(63, '0')})
        refused(least + token("a", text), 8, "is not the hash of a token", "tandemctl api token");
    const std::string other = "sha256:" + std::string(63, '0') + "2";
    refused(least + token("a", hash) + token("a", other), 10, "is there twice");
    refused(least + token("a", hash) + token("b", hash), 12, "the same token");
}

BOOST_AUTO_TEST_SUITE_END()
