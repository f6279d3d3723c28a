// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/email_schema.hh"
#include "example.hh"

#include <boost/test/unit_test.hpp>

#include <cstdlib>

using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

const std::string least = "[email]\nserver = \"mail.example.com\"\nfrom = \"tandem@example.com\"\n";

EmailSettings read(const std::string& more) {
    const auto config = parse(with_more(least + more), "f");
    BOOST_REQUIRE(config);
    BOOST_REQUIRE(config->email);
    return *config->email;
}

/// The line of the section's head, counted from 1.
std::size_t head() {
    const std::string text = with_more(least);
    return static_cast<std::size_t>(
               std::count(text.begin(), text.begin() + static_cast<long>(text.find("[email]")), '\n')) +
           1;
}

void refused(const std::string& more, std::size_t line, std::string_view what, std::string_view hint) {
    expect_one(with_more(least + more), head() + line, what, hint);
}

} // namespace

BOOST_AUTO_TEST_SUITE(email)

BOOST_AUTO_TEST_CASE(defaults) {
    BOOST_TEST(!parse(good_text(), "f")->email);
    const EmailSettings email = read("");
    BOOST_TEST(email.port == 25);
    BOOST_TEST((email.encryption == MailEncryption::off));
    BOOST_TEST((email.authentication == MailAuthentication::off));
    BOOST_TEST((email.verify == MailVerify::on));
    BOOST_TEST(email.to.empty());
    BOOST_TEST((email.give_up == 48h));
    BOOST_TEST((email.timeout == 60s));
    BOOST_TEST(email.digest_after == 5U);
    BOOST_TEST((email.digest_window == 60s));
    BOOST_TEST(email.letters_max == 1000U);
    BOOST_TEST(mail_advice(email).empty());
    BOOST_TEST(*read_password(email) == "");
}

BOOST_AUTO_TEST_CASE(ports_follow_the_encryption) {
    BOOST_TEST(read("encryption = \"starttls\"\n").port == 587);
    BOOST_TEST(read("encryption = \"tls\"\n").port == 465);
    BOOST_TEST(read("encryption = \"tls\"\nport = 2525\n").port == 2525);
    const std::string pop = "pop_server = \"::1\"\nuser = \"u\"\npassword = \"p\"\n";
    BOOST_TEST(read(pop).pop_port == 110);
    BOOST_TEST(read(pop + "pop_encryption = \"tls\"\n").pop_port == 995);
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    expect_one(with_more("[email]\nfrom = \"a@b\"\n"), head(), "has no \"server\"", "server");
    refused("to = [\"ops@example.com\", \"A <b@c>\"]\n", 3, "is no mail address", "without a display name");
    refused("to = [\"a@b\\r\\nBcc: c@d\"]\n", 3, "is no mail address", "user@");
    refused("hello = \"a b\"\n", 3, "no host name", "node1.example.com");
    refused("encryption = \"ssl\"\n", 3, "cannot be \"ssl\"", "tls");
    refused("encryptoin = \"tls\"\n", 3, "unknown key", "encryption");
    refused("pop_port = 110\n", 3, "says nothing without \"pop_server\"", "pop_server");
    refused("authentication = \"on\"\n", 0, "not one user and one password", "password_file");
    refused("authentication = \"on\"\nuser = \"u\"\npassword = \"a\"\npassword_env = \"B\"\n", 0,
            "not one user and one password", "one of");
    refused("user = \"u\"\n", 3, "nothing logs in", "authentication = \"on\"");
    refused("authentication = \"on\"\npassword = \"p\"\nuser = \"a\\nb\"\n", 5, "control character",
            "printable");
    for (const char* server : {"\"\"", "\"a b\"", "\"mail:25\"", "\"http://mail\"", "\"[::1]\""})
        BOOST_TEST(!parse(with_more("[email]\nfrom = \"a@b\"\nserver = " + std::string{server} + "\n"), "f"),
                   server);
}

BOOST_AUTO_TEST_CASE(passwords) {
    const Folder folder;
    const std::string login = "authentication = \"on\"\nuser = \"u\"\n";
    BOOST_TEST(*read_password(read(login + "password = \"a b\"\n")) == "a b");
    const auto from_file = [&](const std::string& file) {
        return read_password(read(login + "password_file = \"" + file + "\"\n"));
    };
    BOOST_TEST(*from_file(folder.write("good", "secret\nmore\n", 0600)) == "secret");
    BOOST_TEST(from_file(folder.write("open", "secret\n", 0640)).error().what.find("mode 0640") !=
               std::string::npos);
    BOOST_TEST(from_file(folder.path("none")).error().what.find("does not exist") != std::string::npos);
    for (const std::string& text :
         {std::string{}, std::string{"\n"}, std::string(300, 'x'), std::string{"a\tb"}})
        BOOST_TEST(!from_file(folder.write("bad" + std::to_string(text.size()), text, 0600)));
    const EmailSettings variable = read(login + "password_env = \"TANDEM_TEST_PASSWORD\"\n");
    ::setenv("TANDEM_TEST_PASSWORD", "from outside", 1);
    BOOST_TEST(*read_password(variable) == "from outside");
    ::unsetenv("TANDEM_TEST_PASSWORD");
    const auto missing = read_password(variable);
    BOOST_REQUIRE(!missing);
    BOOST_TEST(missing.error().to_string().find("TANDEM_TEST_PASSWORD") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(second_looks) {
    const auto advised = [](const std::string& more, std::string_view word) {
        const auto sentences = mail_advice(read(more));
        return std::ranges::any_of(sentences,
                                   [&](const std::string& s) { return s.find(word) != std::string::npos; });
    };
    const std::string login = "authentication = \"on\"\nuser = \"u\"\npassword = \"hush\"\n";
    BOOST_TEST(advised(login, "password_file"));
    BOOST_TEST(advised(login, "unencrypted"));
    BOOST_TEST(!advised(login + "encryption = \"tls\"\n", "unencrypted"));
    BOOST_TEST(!advised(login, "hush"));
    BOOST_TEST(advised("verify = false\n", "ca_file"));
    BOOST_TEST(advised("pop_server = \"p\"\nuser = \"u\"\npassword_env = \"E\"\n", "deprecated"));
}

/// Each node may send through another server.
BOOST_AUTO_TEST_CASE(not_part_of_the_digest) {
    BOOST_TEST(parse(good_text(), "f")->digest == parse(with_more(least), "f")->digest);
}

BOOST_AUTO_TEST_SUITE_END()
