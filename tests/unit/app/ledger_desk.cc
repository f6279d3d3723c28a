// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/ledger_desk.hh"

#include "control/app/alarm_desk.hh"
#include "control/app/alarm_history.hh"
#include "control/app/clock.hh"
#include "tests/unit/ledger/folder.hh"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>

using namespace tandem;
using namespace std::chrono_literals;
using app::LedgerDesk;
using app::Outcome;
namespace json = boost::json;

namespace {

/// One node's desks, on a disk of its own.
struct Side {
    boost::asio::io_context& io;
    config::Config config;
    Side* peer{nullptr};
    bool knows_ledger{true}; ///< otherwise it is of an older version
    std::size_t asked{0};    ///< by the peer
    std::size_t largest{0};  ///< events in one question
    std::unique_ptr<app::Journal> journal;
    std::unique_ptr<LedgerDesk> ledger;
    std::unique_ptr<app::AlarmDesk> alarms;

    Side(boost::asio::io_context& loop, const std::string& folder, std::uint8_t id)
        : io(loop) {
        config.node.id = id;
        config.node.name = id == 1 ? "a" : "b";
        config.node.state_dir = folder;
        config.ledger.journal.kept_in_memory = 500;
        config.ledger.alarm.clear = config::AlarmClear::manual;
    }
    void start() {
        auto begin = app::start_ledger(config);
        journal = std::make_unique<app::Journal>(config::LogTarget::standard_error, config.node.name,
                                                 config.node.id, config.ledger.journal.kept_in_memory);
        journal->continue_from(begin.last);
        const json::object saved = begin.alarms;
        const auto ask = [this](const std::string& method, json::object params, app::Respond respond) {
            boost::asio::post(io, [this, method, params = std::move(params), respond] {
                peer != nullptr && peer->ledger ? peer->answer(method, params, respond)
                                                : respond(Outcome::refused("cannot be reached"));
            });
        };
        ledger = std::make_unique<LedgerDesk>(io, config.node, config.ledger.journal, *journal,
                                              std::move(begin), ask, [](const app::JournalEntry&) {});
        alarms = std::make_unique<app::AlarmDesk>(config.node, config.ledger.alarm, *journal, *ledger, ask,
                                                  ledger::Moment{app::now(), app::wall_us()}, saved);
        journal->on_entry([this](const app::JournalEntry&) { ledger->add(journal->recent().back()); });
    }
    void answer(const std::string& method, const json::object& params, const app::Respond& respond) {
        ++asked;
        if (!knows_ledger)
            return respond(Outcome::refused("there is no command " + method));
        if (method != "journal.copy")
            return alarms->on_peer(method, params, respond);
        largest = std::max(largest, params.at("entries").as_array().size());
        ledger->take(params, respond);
    }
    void end() {
        ledger->finish();
        alarms->finish();
        forget();
    }
    /// As if it were killed, but that what it has begun to write is written.
    void forget() {
        ledger.reset();
        alarms.reset();
        journal.reset();
    }
    void add(int count) {
        for (int i = 0; i < count; ++i)
            journal->add(app::Severity::info, "path.up", "", "event");
    }
};

struct World {
    ledger::test::Folder folder;
    boost::asio::io_context io;
    Side a{io, folder.path("a"), 1};
    Side b{io, folder.path("b"), 2};

    World() {
        a.peer = &b;
        b.peer = &a;
        a.start();
        b.start();
    }
    /// Turns until it is so; the clocks of the desks run a hundred times as fast, and stand while a disk
    /// works.
    template <class Condition>
    void until(const Condition& so) {
        const ha::Instant end = app::now() + 20s;
        while (!so() && app::now() < end) {
            const auto writes = [](const Side& side) { return side.ledger && side.ledger->writing(); };
            if (!writes(a) && !writes(b))
                time += 20ms;
            for (Side* side : {&a, &b})
                if (side->ledger) {
                    side->ledger->tick(time, side->peer != nullptr);
                    side->alarms->tick({time, app::wall_us()}, side->peer != nullptr);
                }
            io.restart();
            io.run_for(std::chrono::microseconds{200});
        }
        BOOST_REQUIRE(so());
    }
    LedgerDesk::Answer ask(Side& side, LedgerDesk::Query query) {
        std::optional<LedgerDesk::Answer> found;
        side.ledger->ask(std::move(query), [&](LedgerDesk::Answer answer) { found = std::move(answer); });
        until([&] { return found.has_value(); });
        return *found;
    }
    /// What one side shows of a node, page by page; every number once and in order.
    std::size_t shown(Side& side, const std::string& node) {
        LedgerDesk::Query query;
        query.node = node;
        std::size_t count = 0;
        std::uint64_t last = 0;
        for (;;) {
            const auto answer = ask(side, query);
            for (const auto& entry : answer.events.entries) {
                BOOST_REQUIRE(entry->node == node);
                BOOST_REQUIRE_EQUAL(entry->sequence, last + 1);
                last = entry->sequence;
                ++count;
            }
            if (!answer.events.more)
                return count;
            query.after_own = answer.own;
            query.after_peer = answer.peer;
        }
    }
    ha::Instant time{app::now()};
};

ledger::Condition down(const std::string& subject) {
    return {"check.down", "", subject, "gone", ledger::Gravity::warning};
}

} // namespace

BOOST_AUTO_TEST_SUITE(ledger_desk)

BOOST_AUTO_TEST_CASE(more_than_memory_holds_reaches_both_disks_and_the_peer) {
    World world;
    world.a.add(300);
    world.b.add(5);
    world.until([&] { return world.shown(world.b, "a") == 300 && world.shown(world.a, "b") == 5; });
    // The peer is away for longer than memory remembers.
    world.a.peer = nullptr;
    for (int i = 0; i < 20; ++i) {
        world.a.add(100);
        const std::size_t wanted = 300 + 100 * (static_cast<std::size_t>(i) + 1);
        world.until([&] { return world.shown(world.a, "a") == wanted; });
    }
    world.a.peer = &world.b;
    world.a.ledger->peer_changed();
    world.until([&] { return world.shown(world.b, "a") == 2300; });
    BOOST_TEST(world.b.largest <= LedgerDesk::batch_max);
    const auto both = world.ask(world.b, {.limit = 10, .from = ledger::From::newest});
    BOOST_TEST(both.events.entries.size() == 10U);
    BOOST_TEST(both.events.more);
}

BOOST_AUTO_TEST_CASE(numbers_go_on_over_restarts) {
    World world;
    world.a.add(10);
    world.until([&] { return world.shown(world.b, "a") == 10; });
    const auto life = world.a.journal->life();
    world.a.end();
    world.a.start();
    BOOST_TEST(world.a.journal->life() == life);
    world.a.add(1);
    BOOST_TEST(world.a.journal->recent().back()->sequence == 11U);
    world.until([&] { return world.shown(world.b, "a") == 11; });
    world.b.end();
    world.b.start();
    BOOST_TEST(world.shown(world.b, "a") == 11U); // from its own disk
    // The disk is lost: the peer has everything, and takes the new numbers for what they are.
    world.a.end();
    std::filesystem::remove_all(world.a.config.node.state_dir);
    world.a.start();
    BOOST_TEST(world.a.journal->life() != life);
    world.a.add(3);
    world.until([&] { return world.ask(world.b, {.node = "a", .limit = 100}).events.entries.size() == 14U; });
}

BOOST_AUTO_TEST_CASE(an_end_in_the_middle_of_a_writing_writes_nothing_twice) {
    World world;
    world.a.add(5);
    world.a.ledger->tick(world.time, true); // begins to write; the loop hears no more of it
    world.a.add(2);
    world.a.end();
    world.a.start();
    BOOST_TEST(world.shown(world.a, "a") == 7U);
}

BOOST_AUTO_TEST_CASE(a_peer_of_an_older_version) {
    World world;
    world.b.knows_ledger = false;
    world.a.add(10);
    world.until([&] { return world.b.asked >= 2; });
    const auto end = world.time + 30s;
    world.until([&] { return world.time >= end; });
    // Two kinds of question: events once a minute, alarms not at all while nothing is raised or every 5 s.
    BOOST_TEST(world.b.asked <= 10U);
    BOOST_TEST(world.shown(world.a, "a") == 10U);
}

BOOST_AUTO_TEST_CASE(a_disk_that_refuses) {
    World world;
    world.a.add(2);
    world.until([&] { return world.shown(world.b, "a") == 2; });
    const auto life = world.a.journal->life();
    world.a.end();
    const std::string own = world.a.config.node.state_dir + "/journal/own";
    std::filesystem::rename(own, own + ".away");
    ledger::test::put(own, "not a folder");
    world.a.start(); // nothing can be opened
    world.a.add(2);
    world.until([&] { return !world.a.ledger->not_kept().empty(); });
    BOOST_TEST(world.a.journal->life() != life);
    BOOST_TEST(world.a.journal->recent().back()->name == "journal.not_kept");
    // The events are shown all the same, and the peer gets those that are told from now on.
    BOOST_TEST(world.ask(world.a, {.node = "a"}).events.entries.size() == 3U);
    world.until([&] {
        return !world.ask(world.b, {.filter = {.name = "journal.not_kept"}, .node = "a"})
                    .events.entries.empty();
    });
    std::filesystem::remove(own);
    world.until([&] { return world.a.ledger->not_kept().empty(); });
    BOOST_TEST(world.a.journal->recent().back()->name == "journal.kept");
    world.until([&] { return std::filesystem::exists(own + "/000000000001.jsonl"); });
}

BOOST_AUTO_TEST_CASE(what_a_peer_may_not_send) {
    World world;
    const auto take = [&](const json::object& params) {
        std::optional<Outcome> said;
        world.a.ledger->take(params, [&](Outcome outcome) { said = std::move(outcome); });
        return said->code == 0;
    };
    BOOST_TEST(!take({}));
    BOOST_TEST(!take({{"entries", "x"}}));
    json::array many;
    for (std::size_t i = 0; i <= LedgerDesk::batch_max; ++i)
        many.emplace_back(nullptr);
    BOOST_TEST(!take({{"entries", many}}));
    // Of no use: nonsense, and what claims to be this node's own.
    BOOST_TEST(take({{"entries", {nullptr, to_json(ledger::test::entry(1, 7, 1))}}}));
    BOOST_TEST(world.shown(world.a, "b") == 0U);
    BOOST_TEST(
        take({{"entries", {to_json(ledger::test::entry(1, 7, 2)), to_json(ledger::test::entry(1, 7, 2))}}}));
    BOOST_TEST(world.shown(world.a, "b") == 1U);
}

BOOST_AUTO_TEST_CASE(alarms_of_both_nodes_on_either) {
    World world;
    std::vector<std::string> changes;
    world.b.alarms->on_change([&](const ledger::AlarmChange& change) {
        changes.push_back(change.alarm.condition.subject +
                          (change.event == ledger::AlarmEvent::raised ? "+" : "-"));
    });
    world.b.alarms->update({world.time, app::wall_us()}, {down("x")});
    const auto at_a = [&] {
        const json::object list = world.a.alarms->list();
        const auto& alarms = list.at("alarms").as_array();
        return alarms.empty() ? json::object{} : alarms[0].as_object();
    };
    world.until([&] { return !at_a().empty(); });
    BOOST_TEST(at_a().at("id").as_string() == "2.1");
    BOOST_TEST(!at_a().at("last_known").as_bool());
    const auto treat = [&](const char* method, const char* id) {
        std::optional<Outcome> said;
        world.a.alarms->treat(method, {{"id", id}, {"note", "n\x1b[1m"}}, "me",
                              [&](Outcome outcome) { said = std::move(outcome); });
        world.until([&] { return said.has_value(); });
        return said->code == 0 ? std::string{} : said->message;
    };
    BOOST_TEST(treat("alarms.clear", "2.1").find("still holds") != std::string::npos);
    BOOST_TEST(treat("alarms.ack", "2.1").empty());
    world.until([&] { return at_a().at("acknowledged").is_object(); });
    BOOST_TEST(at_a().at("acknowledged").at("by").as_string() == "me");
    BOOST_TEST(at_a().at("acknowledged").at("note").as_string().find('\x1b') == std::string::npos);
    BOOST_TEST(treat("alarms.ack", "all").empty());
    BOOST_TEST(!treat("alarms.ack", "3.1").empty());
    BOOST_TEST(!treat("alarms.ack", "x").empty());
    // It goes away and comes back: known as the last known, also after a restart of this node.
    world.until([&] { return true; });
    world.b.end();
    world.a.peer = nullptr;
    world.until([&] { return at_a().at("last_known").as_bool(); });
    BOOST_TEST(treat("alarms.ack", "2.1").find("cannot be reached") != std::string::npos);
    world.a.end();
    world.a.start();
    BOOST_TEST(at_a().at("last_known").as_bool());
    world.a.peer = &world.b;
    world.b.start();
    BOOST_TEST(world.b.alarms->alarms().size() == 1U);
    BOOST_TEST((world.b.alarms->alarms()[0].state == ledger::AlarmState::unconfirmed));
    BOOST_TEST(world.b.alarms->alarms()[0].acknowledged->by == "me");
    world.b.alarms->update({world.time, app::wall_us()}, {down("x")});
    world.b.alarms->update({world.time, app::wall_us()}, {});
    world.until([&] { return at_a().at("state").as_string() == "ended"; });
    BOOST_TEST(treat("alarms.clear", "2.1").empty());
    world.until([&] { return at_a().empty(); });
    BOOST_TEST((changes == std::vector<std::string>{"x+"})); // of its first life
}

BOOST_AUTO_TEST_CASE(both_nodes_remember_an_alarm_over_restarts_and_without_each_other) {
    World world;
    world.b.alarms->update({world.time, app::wall_us()}, {down("x")});
    std::optional<Outcome> said;
    const auto hear = [&](Outcome outcome) { said = std::move(outcome); };
    world.b.alarms->treat("alarms.ack", {{"id", "2.1"}, {"note", "n"}}, "me", hear);
    world.b.alarms->update({world.time, app::wall_us()}, {});
    world.b.alarms->treat("alarms.clear", {{"id", "2.1"}}, "you", hear);
    BOOST_REQUIRE(said->code == 0);
    const auto over_at = [&](Side& side) {
        const auto answer =
            world.ask(side, {.filter = {.name = "alarm.cleared"}, .from = ledger::From::newest});
        BOOST_REQUIRE(answer.events.entries.size() == 1U);
        return app::over_of(*answer.events.entries[0]);
    };
    world.until([&] { return world.shown(world.a, "b") == world.shown(world.b, "b"); });
    world.a.end();
    world.b.end();
    world.b.peer = world.a.peer = nullptr;
    world.a.start();
    world.b.start();
    for (Side* side : {&world.a, &world.b}) {
        const json::object over = over_at(*side);
        BOOST_TEST(over.at("id").as_string() == "2.1");
        BOOST_TEST(over.at("node").as_string() == "b");
        BOOST_TEST(over.at("subject").as_string() == "x");
        BOOST_TEST(over.at("acknowledged").at("by").as_string() == "me");
        BOOST_TEST(over.at("cleared_by").as_string() == "you");
        BOOST_TEST(over.at("raised").is_string());
        BOOST_TEST(over.at("ended").is_string());
        BOOST_TEST(over.at("held_ms").as_int64() >= 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()
