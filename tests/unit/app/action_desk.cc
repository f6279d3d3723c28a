// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/action_desk.hh"

#include "action_world.hh"

using namespace tandem;
using namespace tandem::app;
using namespace tandem::app::test;
using config::OnError;
using config::Trigger;

BOOST_AUTO_TEST_SUITE(action_desk)

BOOST_FIXTURE_TEST_CASE(steps_come_in_their_order_and_one_that_fails_stops_nobody, ActionWorld) {
    list("l", Trigger::down, {step("first"), step("second"), step("third")});
    open();
    const auto said = run("l");
    BOOST_TEST(commands() == (Names{"first"}), boost::test_tools::per_element());
    done("first");
    refuse("second", "not today");
    done("third");
    BOOST_REQUIRE(said->has_value());
    const json::object& result = (*said)->result;
    BOOST_TEST(text_of(result.at("end")) == "failed");
    const auto& steps = result.at("steps").as_array();
    BOOST_REQUIRE(steps.size() == 3U);
    BOOST_TEST(text_of(steps[0].at("result")) == "done");
    BOOST_TEST(text_of(steps[1].at("result")) == "failed");
    BOOST_TEST(text_of(steps[1].at("detail")) == "not today");
    BOOST_TEST(steps[1].at("position").as_uint64() == 20U);
    BOOST_TEST(text_of(steps[2].at("result")) == "done");
    BOOST_TEST(events("action.list_began") == 1);
    BOOST_TEST(events("action.done") == 2);
    BOOST_TEST(told("action.failed") == "l, position 20, management: failed: not today");
    BOOST_TEST(told("action.list_ended") == "the list l has ended, and not all of it succeeded");
}

BOOST_FIXTURE_TEST_CASE(one_that_must_succeed_ends_the_list, ActionWorld) {
    list("l", Trigger::down, {step("first"), step("second", OnError::stop), step("third")});
    open();
    const auto said = run("l");
    done("first");
    refuse("second", "not today");
    BOOST_REQUIRE(said->has_value());
    BOOST_TEST(text_of((*said)->result.at("end")) == "stopped");
    BOOST_TEST((*said)->result.at("steps").as_array().size() == 2U);
    BOOST_TEST(commands() == (Names{"first", "second"}), boost::test_tools::per_element());
    BOOST_TEST(told("action.list_ended") == "the list l was ended by an action that failed");
    const json::object shown = desk->list("l").at("lists").as_array().at(0).as_object();
    BOOST_TEST(text_of(shown.at("last").at("end")) == "stopped");
    BOOST_TEST(shown.at("last").at("runs").as_uint64() == 1U);
}

BOOST_FIXTURE_TEST_CASE(one_list_at_a_time_in_a_group_and_groups_do_not_wait_for_each_other, ActionWorld) {
    list("one", Trigger::down, {step("one")});
    list("two", Trigger::down, {step("two")});
    list("far", Trigger::down, {step("far")}, 1);
    open();
    run("one");
    const auto second = run("two");
    BOOST_TEST(state("one") == "running");
    BOOST_TEST(state("two") == "waiting");
    BOOST_TEST(state("far") == "idle");
    const auto far = run("far");
    done("far");
    BOOST_TEST(far->has_value());
    BOOST_TEST(!second->has_value());
    managed.front().done();
    settle();
    BOOST_TEST(commands() == (Names{"one", "far", "two"}), boost::test_tools::per_element());
    BOOST_TEST(state("one") == "idle");
    BOOST_TEST(state("two") == "running");
    done("two");
    BOOST_TEST(second->has_value());
}

BOOST_FIXTURE_TEST_CASE(what_waits_already_is_not_waited_for_twice, ActionWorld) {
    list("busy", Trigger::up, {step("busy")});
    list("l", Trigger::down, {step("cmd")});
    open();
    run("busy");
    const auto earlier = run("l");
    const auto later = run("l");
    BOOST_REQUIRE(earlier->has_value());
    BOOST_TEST(text_of((*earlier)->result.at("end")) == "folded");
    BOOST_TEST(!later->has_value());
    done("busy");
    done("cmd");
    BOOST_TEST(text_of((*later)->result.at("end")) == "done");
    BOOST_TEST(managed.size() == 2U);
    BOOST_TEST(events("action.list_ended") == 2); // of one that was folded nothing is told
}

BOOST_FIXTURE_TEST_CASE(a_newer_role_cancels_what_an_older_one_began, ActionWorld) {
    list("roles", Trigger::role_change, {step("one"), step("two")});
    list("gw", Trigger::down, {step("checked")});
    open();
    while (!managed.empty() && state("roles") == "running") { // of the start
        managed.back().done();
        settle();
    }
    managed.clear();
    role(0, ha::Role::active);
    settle();
    BOOST_TEST(commands() == (Names{"one"}), boost::test_tools::per_element());
    desk->on_check("sip", "gw", Trigger::down, "silent");
    settle();
    role(0, ha::Role::standby);
    settle();
    BOOST_TEST(told("action.list_cancelled") == "the list roles was cancelled: the role has changed again");
    // What is about a check outlives it, and came first; then what is about the newer role.
    BOOST_TEST(commands() == (Names{"one", "checked"}), boost::test_tools::per_element());
    done("checked");
    done("one");
    done("two");
    BOOST_TEST(events("action.list_cancelled") == 1);
    BOOST_TEST(state("roles") == "idle");
    managed.front().done(); // too late: of no use to anybody
    settle();
    BOOST_TEST(managed.size() == 4U);
}

BOOST_FIXTURE_TEST_CASE(a_list_that_begins_too_often_is_held_back_and_that_is_told_once, ActionWorld) {
    config.actions.runs_max = 2;
    list("l", Trigger::down, {step("cmd")});
    open();
    const auto fail = [&] {
        desk->on_check("sip", "gw", Trigger::down, "silent");
        settle();
        if (state("l") == "running")
            done("cmd");
    };
    for (int i = 0; i < 5; ++i)
        fail();
    BOOST_TEST(managed.size() == 2U);
    BOOST_TEST(events("action.list_refused") == 1);
    BOOST_TEST(told("action.list_refused") ==
               "the list l was not begun: it has run too often within a minute");
    // Who asks for it in person gets it.
    run("l");
    done("cmd");
    BOOST_TEST(managed.size() == 3U);
    // And another figure counts from now on.
    config.actions.runs_max = 3;
    desk->reconfigure(config);
    fail();
    fail();
    BOOST_TEST(managed.size() == 4U);
}

BOOST_FIXTURE_TEST_CASE(too_many_that_wait_are_refused, ActionWorld) {
    list("busy", Trigger::up, {step("busy")});
    list("l", Trigger::down, {step("cmd")});
    open();
    run("busy");
    for (int i = 0; i < 20; ++i)
        desk->on_check("sip", "c" + std::to_string(i), Trigger::down, "silent");
    settle();
    BOOST_TEST(told("action.list_refused") == "the list l was not begun: too many lists wait");
    BOOST_TEST(desk->cancel({{"list", "l"}}).at("cancelled").to_number<std::size_t>() == 16U);
    settle();
    BOOST_TEST(managed.size() == 1U);
    done("busy");
    BOOST_TEST(managed.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_step_that_does_not_end_in_time_is_given_up, ActionWorld) {
    auto slow = step("slow");
    slow.timeout = 20ms;
    list("l", Trigger::down, {slow, step("next")});
    open();
    const auto said = run("l");
    until([&] { return managed.size() == 2; });
    done("next");
    const auto& steps = (*said)->result.at("steps").as_array();
    BOOST_TEST(text_of(steps.at(0).at("result")) == "timed out");
    BOOST_TEST(text_of(steps.at(1).at("result")) == "done");
    BOOST_TEST(text_of((*said)->result.at("end")) == "failed");
}

BOOST_FIXTURE_TEST_CASE(only_what_is_meant_is_done, ActionWorld) {
    auto of_check = step("check-gw");
    of_check.check = "gw";
    auto of_role = step("when-active");
    of_role.role = "active";
    auto of_alarm = step("pair-down");
    of_alarm.alarm = "pair.down";
    list("checks", Trigger::down, {of_check, of_role});
    list("alarms", Trigger::alarm_raised, {of_alarm});
    list("ended", Trigger::alarm_cleared, {of_alarm});
    list("far", Trigger::down, {step("far")}, 1).check = "other";
    open();
    desk->on_check("sip", "other", Trigger::down, "silent"); // standby, and another check: nothing
    desk->on_check("sip", "gw", Trigger::up, "back");
    desk->on_check("trunk", "gw", Trigger::down, "silent");
    desk->on_check("nobody", "gw", Trigger::down, "silent");
    desk->on_alarm({"path.down", "", "ha", "the path is down", Gravity::major}, true);
    desk->on_alarm({"pair.down", "trunk", "", "alone", Gravity::major}, true);
    settle();
    BOOST_TEST(managed.empty());
    BOOST_TEST(events("action.list_began") == 0);
    desk->on_check("sip", "gw", Trigger::down, "silent");
    settle();
    done("check-gw");
    BOOST_TEST(state("checks") == "idle");
    role(0, ha::Role::active);
    settle();
    desk->on_check("sip", "other", Trigger::down, "silent");
    settle();
    done("when-active");
    BOOST_TEST(managed.size() == 2U);
    desk->on_alarm({"pair.down", "", "", "alone", Gravity::major}, true);
    settle();
    done("pair-down");
    desk->on_alarm({"pair.down", "sip", "", "alone", Gravity::major}, false);
    settle();
    done("pair-down");
    desk->on_check("trunk", "other", Trigger::down, "silent");
    settle();
    done("far");
    BOOST_TEST(managed.size() == 5U);
}

BOOST_FIXTURE_TEST_CASE(health_that_falls_begins_its_list_and_health_that_rises_does_not, ActionWorld) {
    list("l", Trigger::degraded,
         {action(R"({"type":"management","command":"cmd","text":"${text}: ${reason}"})")});
    open();
    views[0].score = 700;
    desk->look(snapshot());
    settle();
    BOOST_REQUIRE(managed.size() == 1U);
    BOOST_TEST(text_of(managed[0].params.at("text")) ==
               "700 of 1000: the health of the group on this node has fallen");
    done("cmd");
    views[0].score = 1000;
    desk->look(snapshot());
    desk->look(snapshot());
    settle();
    BOOST_TEST(managed.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_dry_run_tells_everything_and_does_nothing, ActionWorld) {
    auto of_role = step("only-there");
    of_role.role = "active";
    auto there = step("there", OnError::stop);
    there.run_on.where = config::RunOn::Where::peer;
    list("l", Trigger::down,
         {action(R"({"type":"command","argv":["/bin/touch","/nowhere/${group}"]})"),
          action(R"({"type":"add-ip","interface":"lo","address":"192.0.2.10"})"),
          action(R"({"type":"add-ip","interface":"lo","address":"127.1.2.3"})"),
          action(R"({"type":"become-primary"})"), action(R"({"type":"announce"})"),
          action(R"({"type":"email","to":["ops@example.com"],"subject":"${reason}"})"),
          action(R"({"type":"webhook","url":"http://127.0.0.1:1/"})"),
          action(R"({"type":"mirror","set":"on"})"), action(R"({"type":"wait","wait_ms":7})"),
          action(R"({"type":"drain"})"), of_role, there});
    open();
    const auto before = journal.recent().size();
    const auto said = run("l", {{"dry_run", true}});
    BOOST_REQUIRE(said->has_value());
    const json::object& result = (*said)->result;
    BOOST_TEST(text_of(result.at("detail")) == "nothing was done");
    const auto& steps = result.at("steps").as_array();
    BOOST_REQUIRE(steps.size() == 12U);
    const auto what = [&](std::size_t i) { return text_of(steps[i].at("what")); };
    BOOST_TEST(what(0) == R"(run "/bin/touch" "/nowhere/sip" as )" + program_user());
    BOOST_TEST(what(1) == "take the group sip, which has the VIP 192.0.2.10");
    BOOST_TEST(what(2) == "add 127.1.2.3/32 to lo");
    BOOST_TEST(what(3) == "take the group sip and become its primary");
    BOOST_TEST(what(4) == "announce the addresses of the group sip");
    BOOST_TEST(what(5) == R"(send the letter "an operator asked for it" to "ops@example.com")");
    BOOST_TEST(what(6).starts_with("post {"));
    BOOST_TEST(what(7) == "turn mirroring on");
    BOOST_TEST(what(8) == "wait 7 ms");
    BOOST_TEST(what(9) == "hand over once no more than 0 calls are up");
    BOOST_TEST(!steps[10].at("would_run").as_bool());
    BOOST_TEST(steps[11].at("would_run").as_bool());
    BOOST_TEST(text_of(steps[11].at("run_on")) == "peer");
    BOOST_TEST(text_of(steps[11].at("on_error")) == "stop");
    io.restart();
    io.run_for(20ms);
    BOOST_TEST(journal.recent().size() == before);
    BOOST_TEST((managed.empty() && ordered.empty() && peer.empty() && letters.empty() && mirrored.empty() &&
                announced.empty()));
    BOOST_TEST(state("l") == "idle");
    // The same of a single action.
    const auto one = begin(R"({"type":"announce","dry_run":true})");
    BOOST_TEST(text_of((*one)->result.at("what")) == "announce the addresses of the group sip");
    BOOST_TEST(announced.empty());
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_asked_for_is_refused_in_a_sentence, ActionWorld) {
    list("l", Trigger::down, {step("cmd")});
    open();
    const auto why = [&](const auto& said) { return (*said)->code != 0 ? (*said)->message : std::string{}; };
    BOOST_TEST(why(run("none")) == "there is no such list; see tandemctl actions");
    BOOST_TEST(why(run("none", {{"dry_run", true}})) == "there is no such list; see tandemctl actions");
    BOOST_TEST(why(run("l", {{"on", "moon"}})) == "a list runs on \"local\" or \"peer\"");
    BOOST_TEST(why(begin(R"({"type":"nothing"})")).find("type") != std::string::npos);
    BOOST_TEST(why(begin(R"({"type":"announce","group":"none"})")) == "'group' must be the name of a group");
    BOOST_TEST(why(begin(R"({"type":"announce","extra":1})")).find("extra") != std::string::npos);
    BOOST_TEST(text_of(desk->cancel({}).at("detail")) == "nothing ran or waited");
}

BOOST_FIXTURE_TEST_CASE(a_configuration_that_changes_carries_over_what_runs, ActionWorld) {
    list("old", Trigger::down, {step("one"), step("two")});
    list("roles", Trigger::role_change, {step("role")});
    open();
    while (state("roles") == "running") {
        managed.back().done();
        settle();
    }
    managed.clear();
    const auto said = run("old");
    config.actions.lists.clear();
    list("new", Trigger::down, {step("three")});
    list("roles", Trigger::role_change, {step("role")});
    desk->reconfigure(config);
    role(0, ha::Role::standby); // as before: no change of role
    settle();
    BOOST_TEST(commands() == (Names{"one"}), boost::test_tools::per_element());
    done("one");
    done("two");
    BOOST_TEST(text_of((*said)->result.at("end")) == "done");
    BOOST_TEST((*run("old"))->message == "there is no such list; see tandemctl actions");
    desk->on_check("sip", "gw", Trigger::down, "silent");
    settle();
    done("three");
    BOOST_TEST(managed.size() == 3U);
}

BOOST_FIXTURE_TEST_CASE(a_group_that_is_gone_ends_what_is_left_of_its_list, ActionWorld) {
    list("l", Trigger::down, {step("one"), step("two")}, 1);
    open();
    const auto said = run("l");
    config.actions.lists.clear();
    config.groups.pop_back();
    desk->reconfigure(config);
    done("one");
    BOOST_REQUIRE(said->has_value());
    BOOST_TEST(text_of((*said)->result.at("steps").as_array().at(1).at("detail")) ==
               "the group is not configured any more");
    BOOST_TEST(managed.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(an_end_cancels_everything_and_nothing_begins_any_more, ActionWorld) {
    list("l", Trigger::down, {step("one"), step("two")});
    list("waits", Trigger::down, {step("three")});
    open();
    const auto runs = run("l");
    const auto waits = run("waits");
    desk->stop();
    settle();
    BOOST_TEST(text_of((*runs)->result.at("end")) == "cancelled");
    BOOST_TEST(text_of((*waits)->result.at("end")) == "cancelled");
    desk->on_check("sip", "gw", Trigger::down, "silent");
    BOOST_TEST((*run("l"))->message == "this node is stopping");
    BOOST_TEST(commands() == (Names{"one"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_comes_after_its_end_finds_nobody, ActionWorld) {
    auto timed = step("timed");
    timed.timeout = 1ms;
    list("l", Trigger::down, {timed});
    list("wait", Trigger::down, {action(R"({"type":"wait","wait_ms":1})")}, 1);
    open();
    run("l");
    run("wait");
    const auto remote = from_peer(
        "actions.begin", {{"ticket", "t"}, {"group", "sip"}, {"fields", R"({"type":"wait","wait_ms":1})"}});
    // Its clocks have run out, and nobody has looked yet.
    const auto end = std::chrono::steady_clock::now() + 5ms;
    while (std::chrono::steady_clock::now() < end) {
    }
    const auto told_before = journal.recent().size();
    desk.reset();
    for (const Asked& asked : managed)
        asked.done();
    io.restart();
    io.run_for(5ms);
    BOOST_TEST(journal.recent().size() == told_before);
}

// ---- the other node ----

BOOST_FIXTURE_TEST_CASE(a_step_on_the_other_node_is_asked_for_and_its_answer_comes_later, ActionWorld) {
    auto there = action(R"({"type":"command","argv":["/bin/echo","${group}"]})");
    there.run_on.where = config::RunOn::Where::peer;
    list("l", Trigger::down, {there, step("next")});
    open();
    const auto said = run("l");
    BOOST_REQUIRE(peer.size() == 1U);
    BOOST_TEST(peer[0].what == "actions.begin");
    BOOST_TEST(text_of(peer[0].params.at("group")) == "sip");
    BOOST_TEST(text_of(peer[0].params.at("variables").at("group")) == "sip");
    BOOST_TEST(config::parse_action(to_table(json::parse(text_of(peer[0].params.at("fields"))).as_object()))
                   .has_value());
    const std::string ticket = text_of(peer[0].params.at("ticket"));
    peer[0].done();
    settle();
    BOOST_TEST(managed.empty());
    from_peer("actions.ended", {{"ticket", "another"}, {"result", "done"}});
    BOOST_TEST(managed.empty());
    from_peer("actions.ended",
              {{"ticket", ticket}, {"result", "done"}, {"detail", "exit status 0\x1b[1m"}, {"output", "x"}});
    done("next");
    const auto& first = (*said)->result.at("steps").as_array().at(0);
    BOOST_TEST(text_of(first.at("result")) == "done");
    BOOST_TEST(text_of(first.at("detail")).starts_with("on the other node: exit status 0"));
    BOOST_TEST(text_of(first.at("detail")).find('\x1b') == std::string::npos);
    BOOST_TEST(text_of(first.at("run_on")) == "peer");
    // A second answer is nothing.
    BOOST_TEST((*from_peer("actions.ended", {{"ticket", ticket}, {"result", "failed"}}))->code == 0);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_is_away_costs_the_step_and_not_the_list, ActionWorld) {
    auto there = step("there");
    there.run_on.where = config::RunOn::Where::peer;
    list("l", Trigger::down, {there, step("here")});
    open();
    peer_there = false;
    const auto said = run("l");
    done("here");
    BOOST_REQUIRE(said->has_value());
    const auto& steps = (*said)->result.at("steps").as_array();
    BOOST_TEST(text_of(steps.at(0).at("detail")) == "the other node cannot be reached");
    BOOST_TEST(text_of(steps.at(1).at("result")) == "done");
    // A whole list, and a dry run there.
    BOOST_TEST((*run("l", {{"on", "peer"}}))->message == "the other node cannot be reached");
    BOOST_TEST((*run("l", {{"on", "peer"}, {"dry_run", true}}))->message ==
               "the other node cannot be reached");
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_begins_anew_knows_nothing_of_what_it_was_asked, ActionWorld) {
    auto there = step("there");
    there.run_on.where = config::RunOn::Where::peer;
    list("l", Trigger::down, {there});
    open();
    const auto said = run("l");
    peer.at(0).done();
    desk->look(snapshot(7));
    settle();
    BOOST_TEST(!said->has_value());
    desk->look(snapshot(0)); // it is silent: it may know
    settle();
    BOOST_TEST(!said->has_value());
    desk->look(snapshot(8));
    settle();
    BOOST_REQUIRE(said->has_value());
    BOOST_TEST(text_of((*said)->result.at("steps").as_array().at(0).at("detail")) ==
               "the other node's tandemd has begun anew meanwhile");
}

BOOST_FIXTURE_TEST_CASE(what_is_cancelled_here_is_ended_there, ActionWorld) {
    auto there = step("there");
    there.run_on.where = config::RunOn::Where::peer;
    list("l", Trigger::down, {there});
    open();
    const auto said = run("l");
    peer.at(0).done();
    BOOST_TEST(desk->cancel({{"list", "l"}}).at("cancelled").to_number<std::size_t>() == 1U);
    settle();
    BOOST_REQUIRE(peer.size() == 2U);
    BOOST_TEST(peer[1].what == "actions.stop");
    BOOST_TEST(peer[1].params.at("ticket") == peer[0].params.at("ticket"));
    BOOST_TEST(text_of((*said)->result.at("end")) == "cancelled");
    BOOST_TEST(text_of((*said)->result.at("steps").as_array().at(0).at("detail")) ==
               "the other node was told to end it");
}

BOOST_FIXTURE_TEST_CASE(a_list_that_runs_there_is_shown_here, ActionWorld) {
    open();
    const auto said = run("far", {{"on", "peer"}});
    BOOST_REQUIRE(peer.size() == 1U);
    BOOST_TEST(text_of(peer[0].params.at("list")) == "far");
    peer[0].done();
    from_peer("actions.ended", {{"ticket", peer[0].params.at("ticket")},
                                {"run", json::object{{"list", "far"}, {"end", "done"}, {"node", "b"}}}});
    BOOST_REQUIRE(said->has_value());
    BOOST_TEST(text_of((*said)->result.at("node")) == "b");
}

BOOST_FIXTURE_TEST_CASE(what_the_other_node_asks_for_is_done_and_answered_until_it_has_heard, ActionWorld) {
    open();
    const json::object wanted{{"ticket", "2-1-1"},
                              {"group", "sip"},
                              {"fields", R"({"type":"management","command":"cmd","text":"${reason}"})"},
                              {"variables", {{"reason", "theirs\n\x1b"}, {"unknown", "x"}, {"role", 7}}}};
    BOOST_TEST((*from_peer("actions.begin", wanted))->code == 0);
    BOOST_REQUIRE(managed.size() == 1U);
    BOOST_TEST(text_of(managed[0].params.at("text")).starts_with("theirs"));
    BOOST_TEST(text_of(managed[0].params.at("text")).find_first_of("\n\x1b") == std::string::npos);
    peer_there = false;
    done("cmd");
    until([&] { return peer.size() == 2; }); // again, a second later
    peer_there = true;
    until([&] { return peer.size() == 3; });
    peer[2].done();
    for (const Asked& asked : peer) {
        BOOST_TEST(asked.what == "actions.ended");
        BOOST_TEST(text_of(asked.params.at("ticket")) == "2-1-1");
        BOOST_TEST(text_of(asked.params.at("result")) == "done");
    }
    BOOST_TEST(told("action.done").starts_with("management, asked for from elsewhere: done"));
}

BOOST_FIXTURE_TEST_CASE(what_the_other_node_may_not_ask_for, ActionWorld) {
    list("l", Trigger::down, {step("cmd")});
    open();
    const auto why = [&](const std::string& method, const json::object& params) {
        const auto said = from_peer(method, params);
        return (*said)->code != 0 ? (*said)->message : std::string{};
    };
    BOOST_TEST(why("actions.begin", {}) == "the other node does nothing more at present");
    BOOST_TEST(why("actions.begin", {{"ticket", std::string(65, 'x')}, {"list", "l"}}) ==
               "the other node does nothing more at present");
    BOOST_TEST(why("actions.begin", {{"ticket", "t"}, {"list", "none"}}) ==
               "the other node has no such list");
    BOOST_TEST(why("actions.dry_run", {{"list", "none"}}) == "the other node has no such list");
    BOOST_TEST(why("actions.begin", {{"ticket", "t"}, {"group", "sip"}, {"fields", "nonsense"}}) ==
               "the other node does not know this group or action");
    BOOST_TEST(
        why("actions.begin", {{"ticket", "t"}, {"group", "x"}, {"fields", R"({"type":"announce"})"}}) ==
        "the other node does not know this group or action");
    BOOST_TEST(why("actions.begin", {{"ticket", "t"}, {"group", "sip"}, {"fields", R"({"type":"x"})"}})
                   .starts_with("the other node refuses: "));
    BOOST_TEST(why("actions.dry_run", {{"list", "l"}}).empty());
    BOOST_TEST(!desk->on_peer_request("other.method", {}, [](const Outcome&) {}));
    // So many at a time.
    for (int i = 0; i < 64; ++i)
        BOOST_TEST(why("actions.begin", {{"ticket", "t" + std::to_string(i)},
                                         {"group", "sip"},
                                         {"fields", R"({"type":"management","command":"cmd"})"}})
                       .empty());
    BOOST_TEST(
        why("actions.begin", {{"ticket", "more"}, {"group", "sip"}, {"fields", R"({"type":"announce"})"}}) ==
        "the other node does nothing more at present");
    // What it does not want any more is given up, and answered.
    BOOST_TEST(why("actions.stop", {{"ticket", "t5"}}).empty());
    BOOST_TEST(why("actions.stop", {{"ticket", "nobody"}}).empty());
    BOOST_REQUIRE(peer.size() == 1U);
    BOOST_TEST(text_of(peer[0].params.at("ticket")) == "t5");
    BOOST_TEST(text_of(peer[0].params.at("result")) == "cancelled");
    BOOST_TEST(managed.size() == 64U);
}

BOOST_FIXTURE_TEST_CASE(what_the_other_node_asked_for_has_its_time_too, ActionWorld) {
    open();
    from_peer("actions.begin", {{"ticket", "t"},
                                {"group", "sip"},
                                {"fields", R"({"type":"management","command":"cmd","timeout_ms":20})"}});
    until([&] { return peer.size() == 1; });
    BOOST_TEST(text_of(peer[0].params.at("result")) == "timed out");
}

BOOST_AUTO_TEST_SUITE_END()
