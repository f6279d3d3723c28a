// SPDX-License-Identifier: GPL-3.0-or-later
// `[[group.check]]` with the methods sip and registration.
#include "example.hh"

#include "control/config/sip_uri.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

CheckSettings check_of(std::string_view more) {
    const auto config = parse(with_more(more), "f");
    BOOST_REQUIRE(config);
    return config->groups.back().checks.at(0);
}

constexpr std::string_view least =
    "[[group.check]]\nname = \"s\"\nmethod = \"sip\"\nuri = \"sip:pbx.test\"\n";
constexpr std::string_view account =
    "[[group.check]]\nname = \"r\"\nmethod = \"registration\"\nuri = \"sip:probe@pbx.test\"\n";

} // namespace

BOOST_AUTO_TEST_SUITE(sip_checks)

BOOST_AUTO_TEST_CASE(uris_are_taken_apart) {
    const auto uri = parse_sip_uri("SIPS:Alice@[2001:DB8::1]:5071;transport=TCP");
    BOOST_REQUIRE(uri);
    BOOST_TEST((uri->scheme == SipScheme::sips));
    BOOST_TEST(uri->user == "Alice");
    BOOST_TEST(uri->host == "2001:db8::1");
    BOOST_TEST(uri->port.value_or(0) == 5071);
    BOOST_TEST((uri->transport == SipTransport::tls));
    BOOST_TEST(uri->text() == "sips:Alice@[2001:db8::1]:5071");
    BOOST_TEST(shown_uri(*parse_sip_uri("sip:PBX.test;transport=tcp")) == "sip:pbx.test;transport=tcp");
    for (const std::string_view bad : {"",
                                       "pbx.test",
                                       "http:x",
                                       "sip:",
                                       "sip:@x",
                                       "sip:x:0",
                                       "sip:x:65536",
                                       "sip:x:",
                                       "sip:x;transport=sctp",
                                       "sips:x;transport=udp",
                                       "sip:a b",
                                       "sip:x\r\nVia: y",
                                       "sip:u\r\n@x",
                                       "sip:x?h=v",
                                       "sip:x>y",
                                       "sip:[1.2.3.4]",
                                       "sip:[::1",
                                       "sip:1.2.3.4.5",
                                       "sip:a..b",
                                       "sip:.a",
                                       "sip:u:p@x"})
        BOOST_TEST(!parse_sip_uri(bad), bad);
    BOOST_TEST(!parse_sip_uri("sip:" + std::string(300, 'a')));
}

BOOST_AUTO_TEST_CASE(codes_are_single_ones_classes_and_ranges) {
    SipCodes codes;
    BOOST_REQUIRE(codes.add("503, 4xx,600-603"));
    for (const std::uint16_t code : std::initializer_list<std::uint16_t>{503, 400, 404, 499, 600, 603})
        BOOST_TEST(codes.contains(code), code);
    for (const std::uint16_t code : std::initializer_list<std::uint16_t>{200, 399, 500, 502, 504, 604})
        BOOST_TEST(!codes.contains(code), code);
    for (const std::string_view bad : {"", ",", "503,", "1xx", "7xx", "100", "199", "700", "5x", "5xxx",
                                       "600-500", "5xx-6xx", "-503", "503-", "abc", "50 3", "99999999"})
        BOOST_TEST(!SipCodes{}.add(bad), bad);
    std::string many = "500";
    for (int i = 0; i < 64; ++i)
        many += ",500";
    BOOST_TEST(!SipCodes{}.add(many));
}

BOOST_AUTO_TEST_CASE(defaults_are_those_that_users_know) {
    const CheckSettings check = check_of(least);
    BOOST_TEST((check.interval == 10s && check.timeout == 32s));
    BOOST_TEST(check.retry == 0U);
    BOOST_TEST(check.recover == 1U);
    const auto& target = std::get<SipTarget>(check.target);
    BOOST_TEST(target.sip_method == "OPTIONS");
    BOOST_TEST(target.max_forwards == 70U);
    BOOST_TEST((target.tls.verify == VerifyPeer::yes));
    for (const std::uint16_t code :
         std::initializer_list<std::uint16_t>{200, 404, 503, 603}) // blank: every answer will do
        BOOST_TEST(target.accepts(code));
    BOOST_TEST(check.shown() == "sip:pbx.test");
    BOOST_TEST(check.asked().size() == 0U);
}

BOOST_AUTO_TEST_CASE(every_key_is_read) {
    const CheckSettings check = check_of(std::string{least} + R"(sip_method = "INFO"
from = "sip:a@b.test"
max_forwards = 1
user_agent = "x y"
response_codes = ["503", "4xx"]
expect_codes = "200-299, 503"
verify = false
ca_file = "/etc/ca.pem"
server_name = "PBX.test"
name_servers = ["192.0.2.53"]
source = "192.0.2.9"
interval_ms = 200
timeout_ms = 1000
)");
    const auto& target = std::get<SipTarget>(check.target);
    BOOST_TEST(target.sip_method == "INFO");
    BOOST_TEST(target.from == "sip:a@b.test");
    BOOST_TEST(target.user_agent == "x y");
    BOOST_TEST((target.accepts(200) && !target.accepts(503) && !target.accepts(302) && !target.accepts(404)));
    BOOST_TEST(target.tls.server_name == "pbx.test");
    BOOST_TEST(target.name_servers.at(0).to_string() == "192.0.2.53");
    const CheckSettings run = check_of(std::string{account} + R"(proxy = "sip:192.0.2.1;transport=tcp"
user = "p"
password_file = "/etc/tandem/probe.password"
step_timeout_ms = 700
)");
    const auto& of = std::get<RegistrationTarget>(run.target);
    BOOST_TEST(of.way().host == "192.0.2.1");
    BOOST_TEST((of.step_timeout == 700ms));
    BOOST_TEST(run.asked().to_string() == "192.0.2.1");
}

BOOST_AUTO_TEST_CASE(mistakes_are_named_with_a_way_out) {
    struct Mistake {
        std::string_view more;
        std::string_view complaint;
        std::string_view hint;
    };
    for (const Mistake& mistake : std::initializer_list<Mistake>{
             {"sip_method = \"INVITE\"\n", "asked by itself", "registration"},
             {"sip_method = \"OPT IONS\"\n", "asked by itself", "OPTIONS"},
             {"user_agent = \"a\\r\\nRoute: x\"\n", "no text for a header field", "line ends"},
             {"from = \"sip:a@b\\r\\nX: y\"\n", "\"from\"", "for example"},
             {"response_codes = \"5yy\"\n", "\"response_codes\"", "503, 5xx"},
             {"expect_codes = [\"200\", \"1xx\"]\n", "\"expect_codes\"", "503, 5xx"},
             {"server_name = \"a b\"\n", "no host name", "pbx.example.org"},
             {"name_servers = [\"ns.test\"]\n", "no address", "192.0.2.53"},
             {"address = \"192.0.2.1\"\n", "unknown key \"address\"", ""},
         }) {
        BOOST_TEST_CONTEXT(mistake.more)
        expect_one(with_more(std::string{least} + std::string{mistake.more}), last_line() + 5,
                   mistake.complaint, mistake.hint);
    }
    expect_one(
        with_more("[[group.check]]\nname = \"r\"\nmethod = \"registration\"\nuri = \"sip:pbx.test\"\n"),
        last_line() + 4, "has no user", "probe@");
    expect_one(with_more(std::string{account} + "password_file = \"/a\"\npassword_variable = \"B\"\n"),
               last_line() + 6, "password_file", "one of them");
}

BOOST_AUTO_TEST_SUITE_END()
