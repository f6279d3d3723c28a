// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/action_hands.hh"

#include "action_world.hh"
#include "tests/unit/courier/servant.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

using namespace tandem;
using namespace tandem::app;
using namespace tandem::app::test;
using config::Trigger;

namespace {

/// How many processes have `mark` among their words.
std::size_t count_processes(const std::string& mark) {
    std::size_t count = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc", error}) {
        std::ifstream file{entry.path() / "cmdline"};
        const std::string words{std::istreambuf_iterator<char>{file}, {}};
        count += words.find(mark) != std::string::npos;
    }
    return count;
}

/// A number of seconds that no other process sleeps.
std::string mark() {
    static int next = 0;
    return std::to_string(100'000'000 + ::getpid() * 10 + next++);
}

/// A web server with one answer; without one it is silent.
class WebServant {
public:
    explicit WebServant(std::string answer)
        : servant([answer, this](courier::Servant& here, courier::Servant::Socket& socket) {
            std::size_t size = 0;
            for (std::string line = here.line(socket); !line.empty(); line = here.line(socket))
                if (line.starts_with("Content-Length: "))
                    size = std::stoul(line.substr(16));
            std::string body(size, '\0');
            boost::asio::read(socket, boost::asio::buffer(body));
            {
                const std::lock_guard lock{mutex_};
                bodies_.push_back(body);
            }
            if (answer.empty())
                here.wait_for_end(socket);
            courier::Servant::say(socket, answer);
        }) {}
    std::vector<std::string> bodies() const {
        const std::lock_guard lock{mutex_};
        return bodies_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> bodies_;

public:
    courier::Servant servant; ///< ends first
};

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwell";
const std::string broken = "HTTP/1.1 500 No\r\nContent-Length: 4\r\nConnection: close\r\n\r\nill\x1b";

/// What a value must not be able to do.
const std::string hostile = "$(id) `id` '\"\\;|&<>*?~ ${group} $HOME\nSubject: x\x1b[1m";
/// What is left of it: one line, nothing put in, nothing run.
const std::string inert = "$(id) `id` '\"\\;|&<>*?~ ${group} $HOME";

} // namespace

BOOST_AUTO_TEST_SUITE(action_hands)

// ---- programs ----

BOOST_FIXTURE_TEST_CASE(values_are_data_wherever_they_go, ActionWorld) {
    list(
        "l", Trigger::down,
        {action(R"({"type":"command","argv":["/bin/echo","${reason}"]})"),
         action(
             R"({"type":"script","script":"printf '%s|' \"$1\" \"$TANDEM_REASON\"","arguments":["${reason}"]})"),
         action(
             R"({"type":"management","command":"cmd","parameters":{"deep":["${reason}"]},"text":"${reason}"})"),
         action(
             R"({"type":"email","to":["ops@example.com"],"subject":"s ${reason}","body":"b ${reason}"})")});
    open();
    desk->on_check("sip", "gw", Trigger::down, hostile);
    until([&] { return managed.size() == 1; });
    const std::string deep = text_of(managed[0].params.at("deep").as_array().at(0));
    BOOST_TEST(deep.starts_with(inert));
    BOOST_TEST(deep == text_of(managed[0].params.at("text")));
    done("cmd");
    const json::object shown = desk->list("l").at("lists").as_array().at(0).as_object();
    const auto& steps = shown.at("last").at("steps").as_array();
    BOOST_TEST(text_of(steps.at(0).at("output")).starts_with(inert));
    BOOST_TEST(text_of(steps.at(1).at("output")) == deep + "|" + deep + "|");
    BOOST_REQUIRE(letters.size() == 1U);
    BOOST_TEST(letters[0].subject == "s " + deep);
    BOOST_TEST(letters[0].body == "b " + deep);
    BOOST_TEST(deep.find_first_of("\n\x1b") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_program_that_hangs_is_ended_with_all_that_it_began, ActionWorld) {
    const std::string seconds = mark();
    auto hangs =
        action(R"({"type":"script","script":"sleep )" + seconds + R"( & sleep )" + seconds + R"( & wait"})");
    hangs.timeout = 1s;
    list("hangs", Trigger::down, {hangs});
    list("other", Trigger::down, {action(R"({"type":"command","argv":["/bin/true"]})")}, 1);
    open();
    const auto said = run("hangs");
    // Nobody else waits for it.
    const auto other = run("other");
    until([&] { return other->has_value(); });
    BOOST_TEST(text_of((*other)->result.at("end")) == "done");
    until([&] { return said->has_value(); });
    const auto& step = (*said)->result.at("steps").as_array().at(0);
    BOOST_TEST(text_of(step.at("result")) == "timed out");
    BOOST_TEST(step.at("took_ms").as_double() >= 1000.0);
    BOOST_TEST(count_processes(seconds) == 0U); // it is told when nothing of it is left
}

BOOST_FIXTURE_TEST_CASE(a_program_that_is_cancelled_is_ended_likewise, ActionWorld) {
    const std::string seconds = mark();
    list("l", Trigger::down,
         {action(R"({"type":"script","script":"trap '' TERM; sleep )" + seconds + R"( & wait; wait"})"),
          step("never")});
    open();
    const auto said = run("l");
    until([&] { return count_processes("sleep" + std::string(1, '\0') + seconds) == 1; });
    desk->cancel({});
    BOOST_TEST(!said->has_value()); // it is over when it is over
    until([&] { return said->has_value(); });
    BOOST_TEST(count_processes(seconds) == 0U);
    const auto& steps = (*said)->result.at("steps").as_array();
    BOOST_REQUIRE(steps.size() == 1U);
    BOOST_TEST(text_of(steps[0].at("result")) == "cancelled");
    BOOST_TEST(text_of(steps[0].at("detail")) == "it was ended, with all that it had started");
    BOOST_TEST(managed.empty());
}

BOOST_FIXTURE_TEST_CASE(a_program_that_fails_says_how, ActionWorld) {
    open();
    BOOST_TEST(perform(R"({"type":"script","script":"echo why; exit 3"})").message ==
               "failed: exit status 3");
    BOOST_TEST(
        perform(R"({"type":"command","argv":["/nowhere/to-be-found"]})").message.starts_with("failed: "));
    BOOST_TEST(perform(R"({"type":"command","argv":["/bin/true"],"user":"no-such-user-here"})")
                   .message.starts_with("failed: "));
    const auto long_one =
        perform(R"({"type":"script","script":"head -c 9000 /dev/zero | tr '\\0' x; printf '\\033[1m'"})");
    BOOST_TEST(long_one.result.at("output").as_string().size() <= 4096U + 3);
    BOOST_TEST(long_one.result.at("output_cut").as_bool());
    BOOST_TEST(text_of(perform(R"({"type":"script","script":"printf 'a\\033b'"})").result.at("output")) ==
               "a?b");
}

// ---- the role engine ----

BOOST_FIXTURE_TEST_CASE(a_vip_of_our_own_is_moved_by_the_role_engine_alone, ActionWorld) {
    open();
    const auto said = begin(R"({"type":"add-ip","interface":"lo","address":"192.0.2.20/24","group":"sip"})");
    BOOST_REQUIRE(ordered.size() == 1U);
    BOOST_TEST(ordered[0].what == "failover");
    BOOST_TEST(text_of(ordered[0].params.at("group")) == "trunk"); // whose it is
    BOOST_TEST(ordered[0].params.at("force").as_bool());
    ordered[0].done();
    views[1].role = ha::Role::active;
    io.restart();
    io.run_for(20ms);
    BOOST_TEST(!said->has_value()); // active, but the address is not up yet
    views[1].holds = true;
    until([&] { return said->has_value(); });
    BOOST_TEST(text_of((*said)->result.at("detail")) == "the group is active here, its addresses are up");
    BOOST_TEST(ordered.size() == 1U);
    // It is here: nothing is to be done.
    BOOST_TEST(perform(R"({"type":"add-ip","interface":"lo","address":"192.0.2.20/24"})").code == 0);
    BOOST_TEST(ordered.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_role_engine_that_refuses_is_quoted, ActionWorld) {
    open();
    const auto said = begin(R"({"type":"add-ip","interface":"lo","address":"192.0.2.10"})");
    ordered.at(0).refuse("the group is disabled here");
    settle();
    BOOST_TEST((*said)->message == "failed: the group is disabled here");
    // It agrees, and the group goes elsewhere each time.
    const auto again = begin(R"({"type":"become-primary"})");
    for (std::size_t tries = 2; tries <= 4; ++tries) {
        until([&] { return ordered.size() == tries; });
        ordered.back().done();
    }
    until([&] { return again->has_value(); });
    BOOST_TEST((*again)->message == "failed: the group did not come to this node");
    BOOST_TEST(ordered.size() == 4U);
}

BOOST_FIXTURE_TEST_CASE(to_become_primary_is_to_have_the_roles_follow, ActionWorld) {
    open();
    views[0].role = ha::Role::active;
    views[0].holds = true;
    const auto said = begin(R"({"type":"become-primary"})");
    BOOST_REQUIRE(ordered.size() == 1U);
    BOOST_TEST(ordered[0].what == "role.follow");
    ordered[0].done();
    io.restart();
    io.run_for(20ms);
    BOOST_TEST(!said->has_value());
    views[0].configured = ha::ConfiguredRole::primary;
    until([&] { return said->has_value(); });
    BOOST_TEST((*said)->code == 0);
}

BOOST_FIXTURE_TEST_CASE(a_vip_that_is_to_go_is_handed_over, ActionWorld) {
    open();
    const std::string text = R"({"type":"delete-ip","interface":"lo","address":"192.0.2.10"})";
    BOOST_TEST(perform(text).code == 0); // a standby has it down
    BOOST_TEST(ordered.empty());
    views[0].role = ha::Role::active;
    const auto refused = begin(text);
    BOOST_TEST(ordered.at(0).what == "failover");
    BOOST_TEST(!ordered.at(0).params.contains("force"));
    ordered[0].refuse("there is nobody to take it");
    settle();
    BOOST_TEST((*refused)->message ==
               "failed: the address belongs to group sip, which cannot be handed over: "
               "there is nobody to take it");
    const auto said = begin(text);
    ordered.at(1).done();
    io.restart();
    io.run_for(20ms);
    BOOST_TEST(!said->has_value());
    views[0].role = ha::Role::standby;
    until([&] { return said->has_value(); });
    BOOST_TEST((*said)->code == 0);
}

BOOST_FIXTURE_TEST_CASE(the_heartbeats_address_is_nobodys_to_move, ActionWorld) {
    open();
    for (const char* type : {"add-ip", "delete-ip"})
        BOOST_TEST(
            perform(R"({"type":")" + std::string{type} + R"(","interface":"lo","address":"198.51.100.1/24"})")
                .message == "failed: 198.51.100.1 is this node's end of the HA path ha");
    BOOST_TEST(perform(R"({"type":"add-ip","interface":"no-such-if0","address":"203.0.113.9/32"})")
                   .message.starts_with("failed: "));
}

BOOST_FIXTURE_TEST_CASE(only_the_active_announces_and_drains, ActionWorld) {
    open();
    BOOST_TEST(perform(R"({"type":"announce"})").message ==
               "failed: the group is not active here: there is nothing to announce");
    BOOST_TEST(announced.empty());
    BOOST_TEST(text_of(perform(R"({"type":"drain"})").result.at("detail")) == "the group is not active here");
    views[0].role = ha::Role::active;
    BOOST_TEST(perform(R"({"type":"announce"})").code == 0);
    BOOST_TEST(announced == (std::vector<std::size_t>{0}), boost::test_tools::per_element());
    calls = 3;
    const auto said = begin(R"({"type":"drain","calls_max":1})");
    io.restart();
    io.run_for(20ms);
    BOOST_TEST(ordered.empty());
    calls = 1;
    until([&] { return ordered.size() == 1; });
    ordered[0].done();
    settle();
    BOOST_TEST((*said)->code == 0);
    // One that takes too long is given up, and hands nothing over later.
    calls = 3;
    BOOST_TEST(perform(R"({"type":"drain","timeout_ms":20})").message.starts_with("timed out: "));
    calls = 0;
    io.restart();
    io.run_for(20ms);
    BOOST_TEST(ordered.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_wait_and_a_mirror, ActionWorld) {
    open();
    BOOST_TEST(text_of(perform(R"({"type":"wait","wait_ms":5})").result.at("detail")) == "waited");
    BOOST_TEST(perform(R"({"type":"mirror","set":"off","group":"trunk"})").code == 0);
    BOOST_REQUIRE(mirrored.size() == 1U);
    BOOST_TEST(mirrored[0].first == 1U);
    BOOST_TEST((mirrored[0].second == config::Mirroring::off));
}

// ---- mail and web ----

BOOST_FIXTURE_TEST_CASE(a_letter_without_a_mail_server, ActionWorld) {
    open();
    BOOST_TEST(text_of(perform(R"({"type":"email","to":["a@b.example"]})").result.at("detail")) ==
               "queued as letter 1");
    ActionDoors none = doors();
    none.post = nullptr;
    const auto shared = std::make_shared<const config::Config>(config);
    std::optional<ActionResult> result;
    {
        ActionHands hands{io, shared, none};
        hands.perform(action(R"({"type":"email","to":["a@b.example"]})"), 0, {},
                      [&](ActionResult r) { result = std::move(r); });
        BOOST_TEST(!result.has_value()); // never from within
        until([&] { return result.has_value(); });
    }
    BOOST_TEST(result->detail == "this node has no [email] to send letters by");
}

BOOST_FIXTURE_TEST_CASE(a_web_server_is_told_and_its_answer_counts, ActionWorld) {
    WebServant good{ok};
    WebServant ill{broken};
    list("l", Trigger::down,
         {action(R"({"type":"webhook","url":")" + good.servant.url() +
                 R"(","body":"{\"why\":\"${reason}\"}"})"),
          action(R"({"type":"webhook","url":")" + ill.servant.url() + R"("})")});
    open();
    desk->on_check("sip", "gw", Trigger::down, hostile);
    until([&] { return events("action.list_ended") == 1; });
    const json::object shown = desk->list("l").at("lists").as_array().at(0).as_object();
    const auto& steps = shown.at("last").at("steps").as_array();
    BOOST_TEST(text_of(steps.at(0).at("detail")) == "answered with status 200");
    BOOST_TEST(text_of(steps.at(0).at("output")) == "well");
    BOOST_TEST(text_of(steps.at(1).at("result")) == "failed");
    BOOST_TEST(text_of(steps.at(1).at("detail")) == "answered with status 500");
    BOOST_TEST(text_of(steps.at(1).at("output")) == "ill?");
    // What a value holds cannot leave its string.
    const json::value why = json::parse(good.bodies().at(0));
    BOOST_TEST(why.as_object().size() == 1U);
    BOOST_TEST(text_of(why.at("why")).starts_with(inert));
    const json::value all = json::parse(ill.bodies().at(0));
    BOOST_TEST(text_of(all.at("reason")) == text_of(why.at("why")));
    BOOST_TEST(text_of(all.at("check")) == "gw");
    BOOST_TEST(good.servant.heard("Content-Type: application/json"));
}

BOOST_FIXTURE_TEST_CASE(a_token_comes_from_its_file_and_one_that_is_not_there_is_told, ActionWorld) {
    WebServant server{ok};
    std::string folder = "/tmp/tandem-action-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
    std::ofstream{folder + "/token"} << "a-secret-token \nmore\n";
    open();
    const auto with = [&](const std::string& file) {
        return perform(R"({"type":"webhook","url":")" + server.servant.url() + R"(","token_file":")" +
                       folder + file + R"("})");
    };
    BOOST_TEST(with("/token").code == 0);
    BOOST_TEST(server.servant.heard("Authorization: Bearer a-secret-token"));
    BOOST_TEST(with("/none").message == "failed: the token file " + folder + "/none cannot be read");
    BOOST_TEST(server.servant.connections() == 1);
    for (const JournalEntry& entry : journal.entries())
        BOOST_TEST(entry.text.find("a-secret-token") == std::string::npos);
    std::filesystem::remove_all(folder);
}

BOOST_FIXTURE_TEST_CASE(a_web_server_that_is_silent_is_left, ActionWorld) {
    WebServant server{""};
    list("l", Trigger::down, {action(R"({"type":"webhook","url":")" + server.servant.url() + R"("})")});
    open();
    const auto said = run("l");
    until([&] { return !server.bodies().empty(); });
    desk->cancel({});
    until([&] { return said->has_value(); });
    BOOST_TEST(text_of((*said)->result.at("steps").as_array().at(0).at("detail")) ==
               "ended before an answer came");
    BOOST_TEST(
        perform(R"({"type":"webhook","timeout_ms":100,"url":")" + server.servant.url() + R"("})").code != 0);
}

BOOST_FIXTURE_TEST_CASE(another_pair_gets_what_it_is_to_do_with_our_values_in_it, ActionWorld) {
    WebServant server{ok};
    auto there = action(R"({"type":"command","argv":["/bin/echo","${reason}","$$"]})");
    there.run_on.where = config::RunOn::Where::url;
    there.run_on.url = server.servant.url("");
    list("l", Trigger::down, {there});
    open();
    desk->on_check("sip", "gw", Trigger::down, "${group} $x");
    until([&] { return events("action.list_ended") == 1; });
    BOOST_TEST(server.servant.heard("POST /v1/actions/command "));
    const json::value body = json::parse(server.bodies().at(0));
    BOOST_TEST(text_of(body.at("group")) == "sip");
    // They put their values in once more: ours must come out as they are.
    const auto& argv = body.at("argv").as_array();
    BOOST_TEST(act::expand(text_of(argv.at(1)), {{"group", "theirs"}}) == "${group} $x");
    BOOST_TEST(act::expand(text_of(argv.at(2)), {}) == "$");
    BOOST_TEST(!body.as_object().contains("type"));
}

BOOST_AUTO_TEST_SUITE_END()
