// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/action_schema.hh"
#include "control/config/document.hh"
#include "control/config/live.hh"
#include "control/config/snmp_schema.hh"
#include "example.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::config;

namespace {

const std::string head = "[[snmp.receiver]]\nname = \"nms\"\n";
const std::string v2c = head + "address = \"10.9.0.1\"\ncommunity = \"sesame-open\"\n";
const std::string v3 = head + "address = \"10.9.0.1\"\nversion = \"3\"\nuser = \"tandem\"\n";
const std::string passwords =
    "authentication_password = \"sesame-auth\"\nprivacy_password = \"sesame-priv\"\n";
const std::string trap = "[[group.action]]\non = \"role-change\"\nposition = 1\ntype = \"trap\"\n";

SnmpReceiver read(const std::string& text) {
    const auto config = parse(with_more(text), "f");
    BOOST_REQUIRE_MESSAGE(config, (config ? "" : config.error().front().to_string()));
    BOOST_REQUIRE(config->snmp && config->snmp->receivers.size() == 1);
    return config->snmp->receivers.front();
}

/// One problem, `line` lines behind the good text, that tells no secret.
void refused(const std::string& text, std::size_t line, std::string_view what, std::string_view hint) {
    expect_one(with_more(text), last_line() + line, what, hint);
    for (const Problem& problem : problems_of(with_more(text)))
        BOOST_TEST(problem.to_string().find("sesame") == std::string::npos);
}

} // namespace

BOOST_AUTO_TEST_SUITE(snmp)

BOOST_AUTO_TEST_CASE(absent) {
    BOOST_TEST(!parse(good_text(), "f")->snmp);
}

BOOST_AUTO_TEST_CASE(of_version_2c) {
    const SnmpReceiver receiver = read(v2c);
    BOOST_TEST(receiver.name == "nms");
    BOOST_TEST(to_string(receiver) == "10.9.0.1:162");
    BOOST_TEST((receiver.version == SnmpVersion::v2c));
    BOOST_TEST((receiver.inform == SnmpInform::off));
    BOOST_TEST(read_words(receiver)->community == "sesame-open");
}

BOOST_AUTO_TEST_CASE(addresses) {
    const auto at = [](const std::string& address) {
        return to_string(read(head + "address = \"" + address + "\"\ncommunity = \"c\"\n"));
    };
    BOOST_TEST(at("10.9.0.1:1162") == "10.9.0.1:1162");
    BOOST_TEST(at("2001:db8::9") == "[2001:db8::9]:162");
    BOOST_TEST(at("[2001:db8::9]") == "[2001:db8::9]:162");
    BOOST_TEST(at("[2001:db8::9]:1162") == "[2001:db8::9]:1162");
    for (const char* bad :
         {"nms.example.org", "10.9.0.1:", "10.9.0.1:0", "10.9.0.1:65536", "10.9.0.1:x", "", "[10.9.0.1",
          "[2001:db8::9]:", "[2001:db8::9]x", "10.9.0.1:162:3", "[]:1", ":162"})
        refused(head + "address = \"" + std::string{bad} + "\"\ncommunity = \"sesame-open\"\n", 3,
                "not an address with a port", "names are not looked up");
    refused(head + "address = \"224.0.0.1:162\"\ncommunity = \"c\"\n", 3, "224.0.0.1", "");
}

BOOST_AUTO_TEST_CASE(of_version_3) {
    const SnmpReceiver receiver = read(v3 + passwords);
    BOOST_TEST((receiver.version == SnmpVersion::v3));
    BOOST_TEST((receiver.security == SnmpSecurity::auth_priv));
    BOOST_TEST((receiver.authentication == SnmpAuthentication::sha256));
    BOOST_TEST((receiver.privacy == SnmpPrivacy::aes));
    BOOST_TEST(read_words(receiver)->authentication == "sesame-auth");
    BOOST_TEST(read_words(receiver)->privacy == "sesame-priv");
    const SnmpReceiver other =
        read(v3 + passwords + "authentication = \"md5\"\nprivacy = \"aes-256\"\ninform = true\n");
    BOOST_TEST((other.authentication == SnmpAuthentication::md5));
    BOOST_TEST((other.privacy == SnmpPrivacy::aes256));
    BOOST_TEST((other.inform == SnmpInform::on));
    BOOST_TEST((read(v3 + "security = \"none\"\n").security == SnmpSecurity::none));
    BOOST_TEST((read(v3 + "security = \"auth\"\nauthentication_password = \"12345678\"\n").security ==
                SnmpSecurity::auth));
}

BOOST_AUTO_TEST_CASE(what_is_missing) {
    refused(head + "address = \"10.9.0.1\"\n", 1, "no \"community_file\"", "mode 0600");
    refused(head + "community = \"sesame-open\"\n", 1, "no \"address\"", "address");
    refused("[[snmp.receiver]]\naddress = \"10.9.0.1\"\ncommunity = \"sesame-open\"\n", 1, "no \"name\"",
            "name");
    refused(v3 + "authentication_password = \"sesame-auth\"\n", 1, "no \"privacy_password_file\"", "0600");
    refused(v3 + "privacy_password = \"sesame-priv\"\n", 1, "no \"authentication_password_file\"", "0600");
    refused(head + "address = \"10.9.0.1\"\nversion = \"3\"\nsecurity = \"none\"\n", 1, "no \"user\"",
            "user");
    refused("[snmp]\n", 1, "no \"receiver\"", "[[receiver]]");
}

BOOST_AUTO_TEST_CASE(what_does_not_belong_together) {
    refused(v2c + "community_file = \"/etc/c\"\n", 5, "both \"community\" and \"community_file\"",
            "remove one");
    refused(v2c + "user = \"u\"\n", 5, "\"user\" says nothing", "version = \"3\"");
    refused(v2c + "privacy_password = \"sesame-priv\"\n", 5, "says nothing", "version = \"3\"");
    refused(v3 + passwords + "community = \"sesame-open\"\n", 8, "says nothing", "version = \"2c\"");
    refused(v3 + "security = \"none\"\nprivacy = \"aes\"\n", 7, "says nothing", "auth-priv");
    refused(v3 + "security = \"auth\"\n" + passwords, 8, "says nothing", "auth-priv");
    refused(v2c + v2c, 6, "two receivers", "of its own");
}

BOOST_AUTO_TEST_CASE(values_that_cannot_be) {
    refused(v2c + "version = \"1\"\n", 5, "\"version\" cannot be", "2c");
    refused(v3 + passwords + "authentication = \"sha-1\"\n", 8, "cannot be", "");
    refused(v2c + "inform = \"yes\"\n", 5, "\"inform\"", "true or false");
    refused(v2c + "comunity = \"x\"\n", 5, "unknown key", "community");
    refused(head + "address = \"10.9.0.1\"\ncommunity = \"sesame\\u0007\"\n", 4, "control character",
            "1 to 255");
    refused(v3 + "security = \"auth\"\nauthentication_password = \"sesame\"\n", 7, "too short", "8 to 255");
    refused("[snmp]\ncolour = 1\n" + v2c, 2, "unknown key", "receiver");
}

BOOST_AUTO_TEST_CASE(words_in_files) {
    const Folder folder;
    const std::string from = head + "address = \"10.9.0.1\"\ncommunity_file = \"";
    SnmpReceiver receiver = read(from + folder.write("good", "sesame-open\nmore\n", 0600) + "\"\n");
    BOOST_TEST(read_words(receiver)->community == "sesame-open");
    receiver = read(from + folder.write("open", "sesame-open\n", 0644) + "\"\n");
    BOOST_TEST(read_words(receiver).error().to_string().find("0644") != std::string::npos);
    BOOST_TEST(read_words(receiver).error().to_string().find("sesame") == std::string::npos);
    receiver = read(from + folder.path("none") + "\"\n");
    BOOST_TEST(read_words(receiver).error().to_string().find("does not exist") != std::string::npos);
    receiver = read(from + folder.write("bad", "sesame\x01\n", 0600) + "\"\n");
    BOOST_TEST(read_words(receiver).error().to_string().find("no usable word") != std::string::npos);
    BOOST_TEST(read_words(receiver).error().to_string().find("sesame") == std::string::npos);
    // of version 3 a short one
    receiver = read(v3 + "security = \"auth\"\nauthentication_password_file = \"" +
                    folder.write("short", "sesame\n", 0600) + "\"\n");
    BOOST_TEST(read_words(receiver).error().to_string().find("8 to 255") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(advised) {
    const auto advice = [](const std::string& text) { return snmp_advice({{read(text)}}); };
    BOOST_TEST(advice(head + "address = \"10.9.0.1\"\ncommunity_file = \"/etc/c\"\n").empty());
    BOOST_REQUIRE(advice(v2c).size() == 1);
    BOOST_TEST(advice(v2c).front().find("sesame") == std::string::npos);
    BOOST_TEST(advice(v3 + "security = \"none\"\n").size() == 1);
    BOOST_TEST(advice(v3 + passwords + "authentication = \"md5\"\n").size() == 2);
}

BOOST_AUTO_TEST_CASE(actions) {
    // The group's own tables come first in the file.
    const auto config = parse(with_more(trap + "receivers = [\"nms\"]\n" + v2c), "f");
    BOOST_REQUIRE(config);
    const auto& action = config->actions.lists.front().actions.front();
    BOOST_TEST((std::get<TrapAction>(action.doing).receivers == std::vector<std::string>{"nms"}));
    BOOST_TEST(action.fields.find("nms") != std::string::npos);
    BOOST_TEST(action.fields.find("sesame") == std::string::npos);
    BOOST_TEST(parse(with_more(trap + v2c), "f").has_value());
    refused(trap, 1, "nobody to notify", "[[snmp.receiver]]");
    refused(trap + "receivers = [\"nmz\"]\n" + v2c, 5, "no receiver \"nmz\"", "there are: nms");
    refused(trap + "receivers = [\"nms\", \"nms\"]\n" + v2c, 5, "there twice", "leave one out");
    refused(trap + "receivers = []\n" + v2c, 5, "0 elements", "1 to");
    refused(trap + "to = [\"10.9.0.1\"]\n" + v2c, 5, "unknown key", "");
    // Who another node notifies is that node's business.
    BOOST_TEST(parse(with_more(trap + "receivers = [\"theirs\"]\nrun_on = \"peer\"\n"), "f").has_value());
    const auto fields = read_document("type = \"trap\"\n", "f");
    BOOST_REQUIRE(fields);
    BOOST_TEST(std::holds_alternative<TrapAction>(parse_action(*fields)->doing));
}

BOOST_AUTO_TEST_CASE(changes_live) {
    BOOST_TEST(restart_needed(*parse(good_text(), "f"), *parse(with_more(v2c), "f")).empty());
}

BOOST_AUTO_TEST_SUITE_END()
