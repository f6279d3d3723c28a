// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/queue.hh"
#include "folder.hh"
#include "tests/unit/courier/servant.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>

using namespace tandem::mail;
using namespace tandem;
using namespace std::chrono_literals;
using courier::MailServant;
using courier::run_until;

namespace {

/// A queue whose server is a servant.
struct World {
    explicit World(std::uint16_t port) {
        settings.folder = folder.path("mail");
        settings.server = {"127.0.0.1", port, courier::Encryption::off, "", "", {}};
        settings.hello = "node.example.com";
        settings.from = "tandem@example.com";
        settings.to = {"ops@example.com"};
        settings.timeout = 2s;
        carrier = std::move(*courier::Courier::start(io));
    }
    void open() {
        queue = std::make_unique<Queue>(io, *carrier, settings,
                                        [this](const Note& note) { notes.push_back(note); });
    }
    bool told(Note::Kind kind, std::size_t times = 1) {
        return run_until(
            io, [&] { return std::ranges::count(notes, kind, &Note::kind) >= static_cast<long>(times); });
    }
    std::size_t files() const {
        std::error_code error;
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{settings.folder, error})
            count += entry.path().extension() == ".letter";
        return count;
    }
    Folder folder;
    Settings settings;
    boost::asio::io_context io;
    std::unique_ptr<courier::Courier> carrier;
    std::vector<Note> notes;
    std::unique_ptr<Queue> queue;
};

Letter about(const std::string& subject) {
    return {"", {}, subject, "first line of " + subject + "\nand more\n"};
}

const Note& last(const World& world) {
    BOOST_REQUIRE(!world.notes.empty());
    return world.notes.back();
}

} // namespace

BOOST_AUTO_TEST_SUITE(queue)

BOOST_AUTO_TEST_CASE(sent_and_forgotten) {
    MailServant server;
    World w{server.servant.port()};
    w.open();
    const auto id = w.queue->post(about("takeover"));
    BOOST_REQUIRE(id);
    BOOST_TEST(w.queue->waiting().size() == 1U);
    BOOST_TEST(w.queue->waiting()[0].id == *id);
    BOOST_REQUIRE(w.told(Note::Kind::sent));
    BOOST_TEST(last(w).id == *id);
    BOOST_TEST(w.queue->waiting().empty());
    BOOST_TEST(!w.queue->oldest());
    BOOST_REQUIRE(server.letters().size() == 1U);
    BOOST_TEST(server.letters()[0].find("Subject: takeover\n") != std::string::npos);
    BOOST_TEST(server.letters()[0].find("To: ops@example.com\n") != std::string::npos);
    BOOST_TEST(run_until(w.io, [&] { return w.files() == 0; }));
}

BOOST_AUTO_TEST_CASE(refused_when_posted) {
    World w{1};
    w.open();
    for (const char* to : {"", "nobody", "a@b\r\nBcc: c@d", "A <a@b>"}) {
        const auto posted = w.queue->post({"", {to}, "x", "y"});
        BOOST_REQUIRE(!posted);
        BOOST_TEST(posted.error().starts_with("recipient"));
    }
    BOOST_TEST(!w.queue->post({"evil@x\nDATA", {}, "x", "y"}));
    BOOST_TEST(!w.queue->post({"", std::vector<std::string>(51, "a@b"), "x", "y"}));
    w.settings.to.clear();
    w.queue->reconfigure(w.settings);
    BOOST_TEST(!w.queue->post(about("x")));
    BOOST_TEST(w.queue->waiting().empty());
}

/// Kept over a restart while there is no server, sent to the one that comes.
BOOST_AUTO_TEST_CASE(survives_a_restart) {
    World w{1}; // nobody listens there
    w.open();
    BOOST_REQUIRE(w.queue->post(about("one")));
    BOOST_REQUIRE(w.queue->post(about("two")));
    BOOST_REQUIRE(w.told(Note::Kind::deferred));
    BOOST_TEST(!w.queue->trouble().empty());
    w.queue.reset();
    BOOST_TEST(w.files() == 2U);
    MailServant server;
    w.settings.server.port = server.servant.port();
    w.open();
    BOOST_REQUIRE(w.told(Note::Kind::sent, 2));
    BOOST_REQUIRE(server.letters().size() == 2U);
    BOOST_TEST(server.letters()[0].find("Subject: one") != std::string::npos);
    BOOST_TEST(run_until(w.io, [&] { return w.files() == 0; }));
    BOOST_TEST(w.queue->trouble() == "");
}

BOOST_AUTO_TEST_CASE(told_once_and_tried_again_when_asked) {
    MailServant server{{{"greeting", "421 not now\r\n"}}};
    World w{server.servant.port()};
    w.open();
    for (int i = 0; i < 4; ++i)
        BOOST_REQUIRE(w.queue->post(about("n")));
    BOOST_REQUIRE(w.told(Note::Kind::deferred));
    BOOST_TEST(last(w).text.find("421 not now") != std::string::npos);
    BOOST_TEST(server.servant.connections() == 1); // all wait
    BOOST_TEST(w.queue->waiting()[0].next_try.count() > 5);
    server.say({});
    BOOST_TEST(w.queue->retry("") == 4U);
    BOOST_REQUIRE(w.told(Note::Kind::sent, 4));
    BOOST_TEST(std::ranges::count(w.notes, Note::Kind::deferred, &Note::kind) == 1);
}

BOOST_AUTO_TEST_CASE(a_wrong_password_is_not_hammered) {
    MailServant server{{{"AUTH", "535 wrong\r\n"}}};
    World w{server.servant.port()};
    w.settings.server.user = "node";
    w.settings.server.password = "wrong-password";
    w.open();
    BOOST_REQUIRE(w.queue->post(about("one")));
    BOOST_REQUIRE(w.told(Note::Kind::deferred));
    const int connections = server.servant.connections();
    for (int i = 0; i < 3; ++i)
        BOOST_REQUIRE(w.queue->post(about("more")));
    const auto end = std::chrono::steady_clock::now() + 500ms;
    BOOST_TEST(run_until(w.io, [&] { return std::chrono::steady_clock::now() > end; }));
    BOOST_TEST(server.servant.connections() == connections);
    for (const Waiting& letter : w.queue->waiting())
        BOOST_TEST(letter.next_try.count() > 500);
    for (const Note& note : w.notes)
        BOOST_TEST(note.text.find("wrong-password") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_bad_recipient_does_not_cost_the_others) {
    MailServant server{{{"RCPT TO:<gone@", "550 no such user\r\n"}}};
    World w{server.servant.port()};
    w.open();
    BOOST_REQUIRE(w.queue->post({"", {"gone@example.com", "ops@example.com"}, "x", "y"}));
    BOOST_REQUIRE(w.told(Note::Kind::sent));
    BOOST_TEST(last(w).to == std::vector<std::string>{"ops@example.com"}, boost::test_tools::per_element());
    BOOST_REQUIRE(run_until(w.io, [&] {
        return w.queue->waiting().size() == 1 && w.queue->waiting()[0].tries == 1 &&
               !w.queue->waiting()[0].on_its_way;
    }));
    BOOST_TEST(w.queue->waiting()[0].to == std::vector<std::string>{"gone@example.com"},
               boost::test_tools::per_element());
    BOOST_TEST(w.queue->waiting()[0].next_try.count() > 500);
    BOOST_TEST(w.queue->waiting()[0].trouble.find("550 no such user") != std::string::npos);
    BOOST_TEST(w.queue->drop(w.queue->waiting()[0].id) == 1U);
    BOOST_TEST(run_until(w.io, [&] { return w.files() == 0; }));
}

BOOST_AUTO_TEST_CASE(storms_become_one_letter) {
    MailServant server;
    World w{server.servant.port()};
    w.settings.digest_after = 2;
    w.settings.digest_window = 1s;
    w.open();
    for (int i = 0; i < 9; ++i)
        BOOST_REQUIRE(w.queue->post(about("event " + std::to_string(i))));
    BOOST_REQUIRE(w.told(Note::Kind::sent, 3));
    BOOST_TEST(last(w).letters == 7U);
    BOOST_REQUIRE(server.letters().size() == 3U);
    const std::string digest = server.letters()[2];
    BOOST_TEST(digest.find("Subject: tandem: 7 messages in one\n") != std::string::npos);
    for (int i = 2; i < 9; ++i)
        BOOST_TEST(digest.find("first line of event " + std::to_string(i)) != std::string::npos);
    BOOST_TEST(w.queue->waiting().empty());
    BOOST_TEST(run_until(w.io, [&] { return w.files() == 0; }));
}

BOOST_AUTO_TEST_CASE(full) {
    World w{1};
    w.settings.letters_max = 10;
    w.settings.digest_after = 1000;
    w.open();
    for (int i = 0; i < 15; ++i)
        BOOST_REQUIRE(w.queue->post(about("n" + std::to_string(i))));
    BOOST_TEST(w.queue->waiting().size() == 10U);
    BOOST_TEST(w.queue->waiting().back().subject == "n14");
    BOOST_TEST(w.told(Note::Kind::dropped));
    BOOST_TEST(run_until(w.io, [&] { return w.files() == 10; }));
}

/// A disk that takes nothing costs no letter.
BOOST_AUTO_TEST_CASE(useless_disk) {
    MailServant server;
    World w{server.servant.port()};
    w.settings.folder = "/proc/nothing/mail";
    w.open();
    BOOST_REQUIRE(w.queue->post(about("one")));
    BOOST_REQUIRE(w.told(Note::Kind::sent));
    BOOST_REQUIRE(w.told(Note::Kind::not_kept));
    BOOST_REQUIRE(w.queue->post(about("two")));
    BOOST_REQUIRE(w.told(Note::Kind::sent, 2));
    BOOST_TEST(std::ranges::count(w.notes, Note::Kind::not_kept, &Note::kind) == 1);
}

BOOST_AUTO_TEST_CASE(given_up) {
    World w{1};
    w.open();
    BOOST_REQUIRE(w.queue->post(about("old")));
    BOOST_REQUIRE(w.told(Note::Kind::deferred));
    w.queue.reset();
    for (const auto& entry : std::filesystem::directory_iterator{w.settings.folder}) {
        // Three days ago, as a file of that time says it.
        std::ifstream in{entry.path()};
        std::string text{std::istreambuf_iterator<char>{in}, {}};
        const auto at = text.find("\"created_ms\":") + 13;
        const auto created = std::stoll(text.substr(at));
        text.replace(at, std::to_string(created).size(), std::to_string(created - 3LL * 24 * 3'600'000));
        std::ofstream{entry.path()} << text;
    }
    w.open();
    BOOST_REQUIRE(w.told(Note::Kind::given_up));
    BOOST_TEST(last(w).text.find("48 h: old") != std::string::npos);
    BOOST_TEST(w.queue->waiting().empty());
    BOOST_TEST(run_until(w.io, [&] { return w.files() == 0; }));
}

/// Other settings are a reason to try at once, also what has been tried.
BOOST_AUTO_TEST_CASE(another_server) {
    World w{1};
    w.open();
    BOOST_REQUIRE(w.queue->post(about("one")));
    BOOST_REQUIRE(w.told(Note::Kind::deferred));
    BOOST_TEST(w.queue->waiting()[0].next_try.count() > 5);
    MailServant server;
    w.settings.server.port = server.servant.port();
    w.queue->reconfigure(w.settings);
    BOOST_TEST(w.queue->waiting()[0].on_its_way);
    BOOST_REQUIRE(w.told(Note::Kind::sent));
}

BOOST_AUTO_TEST_CASE(what_is_in_the_way) {
    MailServant server;
    World w{server.servant.port()};
    w.settings.hindrance = "no password";
    w.open();
    BOOST_REQUIRE(w.queue->post(about("one")));
    BOOST_TEST(w.queue->trouble() == "no password");
    w.settings.hindrance.clear();
    w.queue->reconfigure(w.settings);
    BOOST_REQUIRE(w.told(Note::Kind::sent));
    BOOST_TEST(server.servant.connections() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
