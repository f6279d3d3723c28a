// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/mail_desk.hh"

#include "control/mail/store.hh"
#include "tests/unit/courier/servant.hh"
#include "tests/unit/mail/folder.hh"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace tandem;
using namespace tandem::app;
using namespace std::chrono_literals;
using courier::MailServant;
using courier::run_until;
namespace json = boost::json;

namespace {

/// A desk whose mail server is a servant, or nobody.
struct World {
    mail::Folder folder;
    boost::asio::io_context io;
    Journal journal{config::LogTarget::standard_error, "a"};
    std::unique_ptr<courier::Courier> carrier{std::move(*courier::Courier::start(io))};
    config::EmailSettings email;
    std::unique_ptr<MailDesk> desk;
    api::Methods methods;

    explicit World(std::uint16_t port = 1) {
        email.server = "127.0.0.1";
        email.port = port;
        email.from = "tandem@example.com";
        email.to = {"ops@example.com"};
        email.hello = "node.example.com";
        email.timeout = 5s;
    }
    void open(bool mail = true) {
        desk = std::make_unique<MailDesk>(io, *carrier, journal, MailDesk::Node{"a", folder.path("")},
                                          mail ? std::optional{email} : std::nullopt);
        methods.clear();
        desk->add_methods(methods);
    }
    std::expected<std::string, std::string> post(const std::string& subject) {
        return desk->post({"", {}, subject, "what " + subject + " is about\n"});
    }
    void until(const std::function<bool()>& so) { BOOST_REQUIRE(run_until(io, so)); }
    std::ptrdiff_t events(std::string_view name) const {
        return std::ranges::count(journal.entries(), name, &JournalEntry::name);
    }
    const JournalEntry& last(std::string_view name) const {
        const JournalEntry* found = nullptr;
        for (const JournalEntry& entry : journal.entries())
            if (entry.name == name)
                found = &entry;
        BOOST_REQUIRE(found != nullptr);
        return *found;
    }
    api::Outcome ask(const std::string& method, json::object params = {}) {
        std::optional<api::Outcome> said;
        methods.at(method).handler(params,
                                   api::Caller{.uid = 0, .pid = 0, .access = api::Access::act, .name = {}},
                                   api::Reply{[&](api::Outcome outcome) { said = std::move(outcome); }});
        BOOST_REQUIRE(said.has_value());
        return *said;
    }
    json::array letters() {
        const auto all = ask("mail");
        BOOST_REQUIRE(all.has_value());
        return all->at("letters").as_array();
    }
    std::size_t files() const {
        std::error_code error;
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{folder.path("/mail"), error})
            count += entry.path().extension() == ".letter";
        return count;
    }
};

std::string text_of(const json::value& value) {
    return std::string{value.as_string()};
}

} // namespace

BOOST_AUTO_TEST_SUITE(mail_desk)

BOOST_AUTO_TEST_CASE(without_settings_there_is_no_mail) {
    World w;
    w.open(false);
    BOOST_TEST(w.post("x").error() == "there is no [email] in the configuration");
    BOOST_TEST(w.ask("mail").error().message == "there is no [email] in the configuration");
    BOOST_TEST(w.ask("mail.test").error().message == "there is no [email] in the configuration");
    BOOST_TEST(w.ask("mail.retry", {{"id", "all"}}).error().message ==
               "there is no [email] in the configuration");
    BOOST_TEST(w.desk->conditions().empty());
    BOOST_TEST((w.methods.at("mail").access == api::Access::read));
    for (const char* method : {"mail.test", "mail.retry", "mail.drop"})
        BOOST_TEST((w.methods.at(method).access == api::Access::act));
}

BOOST_AUTO_TEST_CASE(what_is_posted_arrives_once_and_is_told) {
    MailServant server;
    World w{server.servant.port()};
    w.open();
    const auto one = w.post("takeover");
    const auto two = w.post("return");
    BOOST_REQUIRE((one && two));
    w.until([&] { return w.events("mail.sent") == 2 && w.files() == 0; });
    BOOST_REQUIRE(server.letters().size() == 2U);
    BOOST_TEST(server.letters()[0].find("Subject: takeover\n") != std::string::npos);
    BOOST_TEST(server.letters()[1].find("Subject: return\n") != std::string::npos);
    const JournalEntry& told = w.last("mail.sent");
    BOOST_TEST(text_of(told.data.at("id")) == *two);
    BOOST_TEST(text_of(told.data.at("to").as_array().at(0)) == "ops@example.com");
    BOOST_TEST(w.letters().empty());
    BOOST_TEST(w.ask("mail.retry", {{"id", "all"}})->at("letters").to_number<int>() == 0);
    BOOST_TEST(server.servant.connections() <= 2);
}

BOOST_AUTO_TEST_CASE(of_a_storm_the_rest_is_one_letter) {
    MailServant server;
    World w{server.servant.port()};
    w.email.digest_after = 2;
    w.email.digest_window = 1s;
    w.open();
    for (int i = 0; i < 7; ++i)
        BOOST_REQUIRE(w.post("event " + std::to_string(i)));
    w.until([&] { return w.events("mail.sent") == 3 && w.files() == 0; });
    BOOST_REQUIRE(server.letters().size() == 3U);
    BOOST_TEST(w.last("mail.sent").data.at("letters").to_number<int>() == 5);
    for (int i = 2; i < 7; ++i)
        BOOST_TEST(server.letters()[2].find("what event " + std::to_string(i)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_waits_is_there_after_a_restart) {
    World w; // nobody listens there
    w.open();
    BOOST_REQUIRE(w.post("one"));
    BOOST_REQUIRE(w.post("two"));
    w.until([&] { return w.events("mail.deferred") == 1; });
    BOOST_TEST(w.letters().size() == 2U);
    BOOST_TEST(text_of(w.ask("mail")->at("server")) == "127.0.0.1:1");
    w.desk.reset();
    BOOST_TEST(w.files() == 2U);
    MailServant server;
    w.email.port = server.servant.port();
    w.open();
    w.until([&] { return w.events("mail.sent") == 2 && w.files() == 0; });
    BOOST_TEST(server.letters().size() == 2U);
}

BOOST_AUTO_TEST_CASE(nothing_that_is_written_becomes_a_header_or_a_recipient) {
    MailServant server;
    World w{server.servant.port()};
    w.open();
    for (const char* to : {"a@b.example\r\nBcc: c@d.example", "a@b.example\nRCPT TO:<c@d.example>",
                           "A <a@b.example>", "a@b.example> SIZE=1", "nobody", ""}) {
        BOOST_TEST(!w.desk->post({"", {to}, "x", "y"}));
        BOOST_TEST(!w.ask("mail.test", {{"to", to}}));
    }
    BOOST_TEST(!w.desk->post({"evil@b.example\r\nDATA", {}, "x", "y"}));
    BOOST_REQUIRE(
        w.desk->post({"", {}, "one\r\nBcc: c@d.example\r\n\r\nbody", "x\r\n.\r\nRCPT TO:<c@d.example>\r\n"}));
    w.until([&] { return w.events("mail.sent") == 1 && w.files() == 0; });
    BOOST_REQUIRE(server.letters().size() == 1U);
    const std::string head = server.letters()[0].substr(0, server.letters()[0].find("\n\n"));
    BOOST_TEST(head.find("\nBcc:") == std::string::npos);
    BOOST_TEST(head.find("Subject: one") != std::string::npos);
    std::size_t recipients = 0;
    bool stranger = false;
    bool data = false; // what stands in the letter is no command
    for (const std::string& line : server.servant.lines()) {
        if (!data && line.starts_with("RCPT")) {
            ++recipients;
            stranger = stranger || line.find("ops@example.com") == std::string::npos;
        }
        data = data || line == "DATA";
    }
    BOOST_TEST(recipients == 1U);
    BOOST_TEST(!stranger);
}

BOOST_AUTO_TEST_CASE(a_letter_that_waits_for_long_is_an_alarm_until_it_has_gone) {
    World w;
    const auto since = std::chrono::system_clock::now() - 20min;
    const mail::Kept old{
        "0123456789abcdef",
        "tandem@example.com",
        {"ops@example.com"},
        "old",
        "text",
        std::chrono::duration_cast<std::chrono::milliseconds>(since.time_since_epoch()).count(),
        false};
    std::filesystem::create_directories(w.folder.path("/mail"));
    BOOST_REQUIRE(mail::keep(w.folder.path("/mail"), old).has_value());
    w.open();
    w.until([&] { return w.events("mail.deferred") == 1; });
    const auto conditions = w.desk->conditions();
    BOOST_REQUIRE(conditions.size() == 1U);
    BOOST_TEST(conditions[0].code == "mail.stuck");
    BOOST_TEST((conditions[0].gravity == Gravity::warning));
    BOOST_TEST(conditions[0].sentence.starts_with("mail to 127.0.0.1:1 waits for more than 15 minutes: "));
    MailServant server;
    w.email.port = server.servant.port();
    w.desk->reconfigure(w.email);
    w.until([&] { return w.events("mail.sent") == 1; });
    BOOST_TEST(w.desk->conditions().empty());
    // A letter that is new is no alarm, whatever the server says.
    w.email.port = 1;
    w.desk->reconfigure(w.email);
    w.until([&] { return text_of(w.ask("mail")->at("server")) == "127.0.0.1:1"; });
    BOOST_REQUIRE(w.post("new"));
    w.until([&] { return w.events("mail.deferred") == 2; });
    BOOST_TEST(w.desk->conditions().empty());
}

BOOST_AUTO_TEST_CASE(a_server_that_will_not_now_is_left_alone_until_its_time_or_until_asked) {
    MailServant server{{{"greeting", "421 not now\r\n"}}};
    World w{server.servant.port()};
    w.open();
    for (int i = 0; i < 4; ++i)
        BOOST_REQUIRE(w.post("n" + std::to_string(i)));
    w.until([&] { return w.events("mail.deferred") == 1; });
    BOOST_TEST(w.last("mail.deferred").text.find("421 not now") != std::string::npos);
    const json::array waiting = w.letters();
    BOOST_REQUIRE(waiting.size() == 4U);
    for (const json::value& letter : waiting) // the first wait is ten seconds
        BOOST_TEST(letter.at("next_try_s").to_number<int>() > 5);
    BOOST_TEST(w.ask("mail.retry", {{"id", "ffffffffffffffff"}}).error().message == "no such letter waits");
    BOOST_TEST((w.ask("mail.retry").error().code == api::Code::invalid_params));
    BOOST_TEST(w.ask("mail.drop", {{"id", waiting[3].at("id")}})->at("detail").as_string() ==
               "1 letter dropped");
    BOOST_TEST(server.servant.connections() == 1);
    server.say({});
    BOOST_TEST(w.ask("mail.retry", {{"id", "all"}})->at("detail").as_string() == "3 letters tried now");
    w.until([&] { return w.events("mail.sent") == 3 && w.files() == 0; });
    BOOST_TEST(server.letters().size() == 3U);
    BOOST_TEST(w.events("mail.deferred") == 1);
}

BOOST_AUTO_TEST_CASE(settings_that_go_away_and_come_back_find_the_letters) {
    World w;
    w.open();
    BOOST_REQUIRE(w.post("kept"));
    w.until([&] { return w.events("mail.deferred") == 1; });
    w.desk->reconfigure(std::nullopt);
    BOOST_TEST(!w.post("refused"));
    BOOST_TEST(!w.ask("mail"));
    BOOST_TEST(w.desk->conditions().empty());
    MailServant server;
    w.email.port = server.servant.port();
    w.desk->reconfigure(w.email);
    w.until([&] { return w.events("mail.sent") == 1; });
    BOOST_TEST(server.letters().at(0).find("Subject: kept\n") != std::string::npos);
    // Of two changes in a row the later one counts.
    config::EmailSettings other = w.email;
    other.port = 1;
    w.desk->reconfigure(other);
    w.desk->reconfigure(w.email);
    w.until([&] { return w.post("again").has_value() && w.events("mail.sent") >= 2; });
}

BOOST_AUTO_TEST_CASE(a_password_that_cannot_be_read_keeps_letters_waiting_and_is_never_shown) {
    MailServant server;
    World w{server.servant.port()};
    const std::string file = w.folder.path("/secret");
    w.email.authentication = config::MailAuthentication::on;
    w.email.user = "node";
    w.email.password_file = file;
    w.open();
    BOOST_TEST(w.events("mail.no_password") == 1);
    BOOST_REQUIRE(w.post("waits"));
    BOOST_TEST(text_of(w.ask("mail")->at("trouble")).starts_with("no password for mail: "));
    BOOST_TEST(server.servant.connections() == 0);
    std::ofstream{file} << "a-secret-password\n";
    ::chmod(file.c_str(), 0600);
    w.desk->reconfigure(w.email);
    w.until([&] { return w.events("mail.sent") == 1; });
    for (const JournalEntry& entry : w.journal.entries())
        BOOST_TEST((entry.text + json::serialize(entry.data)).find("a-secret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_test_letter_goes_where_it_is_asked_to_go) {
    MailServant server;
    World w{server.servant.port()};
    w.open();
    const auto said = w.ask("mail.test", {{"to", "me@example.com"}});
    BOOST_REQUIRE(said.has_value());
    BOOST_TEST(text_of(said->at("detail"))
                   .ends_with("is on its way to 127.0.0.1:" + std::to_string(server.servant.port())));
    w.until([&] { return w.events("mail.sent") == 1; });
    BOOST_TEST(server.servant.heard("RCPT TO:<me@example.com>"));
    BOOST_TEST(!server.servant.heard("RCPT TO:<ops@example.com>"));
    BOOST_TEST(server.letters().at(0).find("Subject: tandem: test from node a\n") != std::string::npos);
}

/// What still runs when the desk goes finds nobody.
BOOST_AUTO_TEST_CASE(an_end_with_a_letter_on_its_way) {
    MailServant server;
    World w{server.servant.port()};
    w.open();
    BOOST_REQUIRE(w.post("last"));
    w.desk->reconfigure(w.email);
    w.desk.reset();
    BOOST_TEST(w.files() == 1U);
    w.io.restart();
    w.io.run_for(20ms);
    BOOST_TEST(w.events("mail.sent") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
