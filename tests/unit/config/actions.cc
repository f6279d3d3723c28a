// SPDX-License-Identifier: GPL-3.0-or-later
// `[actions]`, `[[group.action]]`, `[[group.check.action]]`.
#include "control/config/action_schema.hh"
#include "example.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

std::vector<ActionList> lists_of(std::string_view more) {
    const auto config = parse(with_more(more), "f");
    if (!config)
        for (const Problem& problem : config.error())
            BOOST_TEST_MESSAGE(problem.to_string());
    BOOST_REQUIRE(config);
    return config->actions.lists;
}

/// One action of the group "trunk" with these lines behind `on` and `position`.
std::string action(std::string_view lines, std::string_view on = "role-change", int position = 1) {
    return "[[group.action]]\non = \"" + std::string{on} + "\"\nposition = " + std::to_string(position) +
           "\n" + std::string{lines};
}

Doing doing_of(std::string_view lines) {
    const auto lists = lists_of(action(lines));
    BOOST_REQUIRE(lists.size() == 1U);
    return lists[0].actions.at(0).doing;
}

/// The line of an action's first own key, behind `on` and `position`.
std::size_t own_line(std::size_t number) {
    return last_line() + 3 + number;
}

} // namespace

BOOST_AUTO_TEST_SUITE(actions)

BOOST_AUTO_TEST_CASE(a_list_is_in_the_order_of_its_positions) {
    const auto lists = lists_of(action("type = \"announce\"\n", "role-change", 30) +
                                action("type = \"wait\"\nwait_ms = 5\n", "role-change", 10) +
                                action("type = \"become-primary\"\n", "role-change", 20) +
                                action("type = \"announce\"\n", "alarm-raised", 10));
    BOOST_REQUIRE(lists.size() == 2U);
    BOOST_TEST(lists[0].name == "trunk/role-change");
    BOOST_TEST(lists[0].group == 1U);
    BOOST_TEST((lists[0].trigger == Trigger::role_change));
    BOOST_REQUIRE(lists[0].actions.size() == 3U);
    BOOST_TEST(lists[0].actions[0].type == "wait");
    BOOST_TEST(lists[0].actions[1].type == "become-primary");
    BOOST_TEST(lists[0].actions[2].type == "announce");
    BOOST_TEST(lists[1].name == "trunk/alarm-raised");
}

BOOST_AUTO_TEST_CASE(equal_positions_are_an_error) {
    const std::string two = action("type = \"announce\"\n") + action("type = \"become-primary\"\n");
    expect_one(with_more(two), last_line() + 7, "position 1 is taken in the list \"trunk/role-change\"",
               "announce");
}

BOOST_AUTO_TEST_CASE(only_a_script_has_a_position_of_its_own) {
    const auto lists = lists_of("[[group.action]]\non = \"up\"\ntype = \"script\"\nscript = \"true\"\n");
    BOOST_TEST(lists.at(0).actions.at(0).position == 2U);
    expect_one(with_more("[[group.action]]\non = \"up\"\ntype = \"announce\"\n"), last_line() + 1,
               "has no \"position\"", "integer");
    const std::string both = "[[group.action]]\non = \"up\"\ntype = \"script\"\nscript = \"true\"\n";
    expect_one(with_more(both + both), last_line() + 5, "position 2 is taken", "script");
}

BOOST_AUTO_TEST_CASE(a_check_has_lists_of_its_own) {
    const auto lists = lists_of("[[group.check]]\nname = \"gw\"\naddress = \"192.0.2.1\"\n"
                                "[[group.check.action]]\non = \"down\"\nposition = 1\ntype = \"announce\"\n"
                                "[[group.check.action]]\non = \"up\"\nposition = 1\ntype = \"announce\"\n");
    BOOST_REQUIRE(lists.size() == 2U);
    BOOST_TEST(lists[0].name == "trunk/gw/down");
    BOOST_TEST(lists[0].check == "gw");
    BOOST_TEST(lists[1].name == "trunk/gw/up");
    expect_one(with_more("[[group.check]]\nname = \"gw\"\naddress = \"192.0.2.1\"\n"
                         "[[group.check.action]]\non = \"role-change\"\nposition = 1\ntype = \"announce\"\n"),
               last_line() + 5, "\"on\"", "down");
}

BOOST_AUTO_TEST_CASE(a_list_with_a_name_belongs_to_one_thing) {
    const auto lists = lists_of(action("list = \"take-over\"\ntype = \"announce\"\n"));
    BOOST_TEST(lists.at(0).name == "take-over");
    expect_one(with_more(action("list = \"x\"\ntype = \"announce\"\n") +
                         action("list = \"x\"\ntype = \"announce\"\n", "down", 2)),
               last_line() + 6, "belongs to something else", "same group");
}

BOOST_AUTO_TEST_CASE(a_command_is_words_and_no_shell) {
    const auto command = std::get<CommandAction>(
        doing_of("type = \"command\"\nargv = [\"/bin/echo\", \"${role}; reboot\"]\nuser = \"voip\"\n"));
    BOOST_TEST((command.argv == std::vector<std::string>{"/bin/echo", "${role}; reboot"}));
    BOOST_TEST(command.user == "voip");
    expect_one(with_more(action("type = \"command\"\nargv = [\"echo\"]\n")), own_line(2), "\"argv\" begins",
               "absolute path");
    expect_one(with_more(action("type = \"command\"\nargv = [\"/bin/echo\", \"${rolle}\"]\n")), own_line(2),
               "no such variable", "role_before");
    expect_one(with_more(action("type = \"command\"\nargv = [\"/bin/${role}\"]\n")), own_line(2),
               "\"argv\" begins", "without variables");
    expect_one(with_more(action("type = \"command\"\nargv = []\n")), own_line(2), "has 0 elements",
               "1 to 64");
}

BOOST_AUTO_TEST_CASE(a_script_is_a_text_or_a_file) {
    BOOST_TEST(std::get<ScriptAction>(doing_of("type = \"script\"\nscript = \"echo $$ ${X}\"\n")).text ==
               "echo $$ ${X}"); // the shell's own
    BOOST_TEST(std::get<ScriptAction>(doing_of("type = \"script\"\nfile = \"/etc/x.sh\"\n")).file ==
               "/etc/x.sh");
    expect_one(with_more(action("type = \"script\"\n")), last_line() + 1, "by its text or by its file",
               "script");
    expect_one(with_more(action("type = \"script\"\nfile = \"/x\"\nscript = \"y\"\n")), own_line(2),
               "by its text or by its file", "file");
}

BOOST_AUTO_TEST_CASE(an_address_with_its_network) {
    const auto address = [](std::string_view lines) {
        return std::get<AddressAction>(
                   doing_of("type = \"add-ip\"\ninterface = \"eth0\"\n" + std::string{lines}))
            .address.to_string();
    };
    BOOST_TEST(address("address = \"10.0.0.9/24\"\n") == "10.0.0.9/24");
    BOOST_TEST(address("address = \"10.0.0.9\"\nmask = \"255.255.240.0\"\n") == "10.0.0.9/20");
    BOOST_TEST(address("address = \"10.0.0.9\"\nprefix = 25\n") == "10.0.0.9/25");
    BOOST_TEST(address("address = \"10.0.0.9\"\n") == "10.0.0.9/32");
    BOOST_TEST(address("address = \"2001:db8::9\"\nprefix = 64\n") == "2001:db8::9/64");
    const std::string start = "type = \"delete-ip\"\ninterface = \"eth0\"\n";
    expect_one(with_more(action(start + "address = \"10.0.0.9\"\nmask = \"255.0.255.0\"\n")), own_line(4),
               "is not a mask", "255.255.255.0");
    expect_one(with_more(action(start + "address = \"10.0.0.9/24\"\nprefix = 24\n")), own_line(3),
               "more than once", "length");
    expect_one(with_more(action(start + "address = \"10.0.0.9\"\nprefix = 33\n")), own_line(4), "longer",
               "32");
    expect_one(with_more(action(start + "address = \"224.0.0.9\"\n")), own_line(3), "multicast", "unicast");
}

BOOST_AUTO_TEST_CASE(the_other_types) {
    BOOST_TEST((std::get<WaitAction>(doing_of("type = \"wait\"\nwait_ms = 250\n")).time == 250ms));
    BOOST_TEST(std::get<DrainAction>(doing_of("type = \"drain\"\ncalls_max = 3\n")).calls_max == 3U);
    BOOST_TEST((std::get<MirrorAction>(doing_of("type = \"mirror\"\nset = \"off\"\n")).set ==
                MirrorAction::Set::off));
    const auto manage =
        std::get<ManagementAction>(doing_of("type = \"management\"\ncommand = \"checks stop\"\nparameters = "
                                            "{ check = \"${check}\", n = [1, true] }\n"));
    BOOST_TEST(manage.command == "checks.stop");
    BOOST_TEST(manage.parameters == R"({"check":"${check}","n":[1,true]})");
    const auto mail = std::get<EmailAction>(
        doing_of("type = \"email\"\nto = [\"a@example.org\", \"b@example.org\"]\nsubject = \"${group}\"\n"));
    BOOST_TEST(mail.to.size() == 2U);
    const auto web =
        std::get<WebhookAction>(doing_of("type = \"webhook\"\nurl = \"https://h.example.org/x\"\nheaders = "
                                         "[\"X-Team: voice\"]\nbody = '{\"r\": \"${role}\"}'\n"));
    BOOST_TEST(web.body == R"({"r": "${role}"})");
    expect_one(with_more(action("type = \"webhook\"\nurl = \"ftp://x\"\n")), own_line(2), "not a web address",
               "https");
    expect_one(with_more(action("type = \"webhook\"\nurl = \"http://x\"\nheaders = [\"A: b\\r\\nC: d\"]\n")),
               own_line(3), "not a header", "Name: value");
    expect_one(with_more(action("type = \"reboot\"\n")), own_line(1), "\"type\"", "command");
    expect_one(with_more(action("type = \"announce\"\nargv = [\"/bin/true\"]\n")), own_line(2), "argv", "");
}

BOOST_AUTO_TEST_CASE(where_and_how_long) {
    const auto actions =
        lists_of(action("type = \"announce\"\nrun_on = \"peer\"\non_error = \"stop\"\ntimeout_ms = 1500\n"
                        "role = \"active\"\n"))
            .at(0)
            .actions;
    BOOST_TEST((actions[0].run_on.where == RunOn::Where::peer));
    BOOST_TEST((actions[0].on_error == OnError::stop));
    BOOST_TEST((actions[0].timeout == 1500ms));
    BOOST_TEST(actions[0].role == "active");
    BOOST_TEST(actions[0].fields == R"({"timeout_ms":1500,"type":"announce"})");
    expect_one(with_more(action("type = \"announce\"\nrun_on = \"https://b.example.org\"\n")), own_line(2),
               "nothing says who asks", "run_on_token_file");
    expect_one(with_more(action("type = \"announce\"\nrun_on = \"everywhere\"\n")), own_line(2), "cannot be",
               "peer");
    expect_one(with_more(action("type = \"announce\"\nrole = \"active\"\n", "down")), own_line(2),
               "says nothing here", "role-change");
}

BOOST_AUTO_TEST_CASE(another_node_s_word_is_read_as_strictly) {
    const Table fields{{"type", {}, {{}, std::string{"wait"}}}, {"wait_ms", {}, {{}, std::int64_t{20}}}};
    const auto good = parse_action(fields);
    BOOST_REQUIRE(good);
    BOOST_TEST((std::get<WaitAction>(good->doing).time == 20ms));
    Table more = fields;
    more.push_back({"on", {}, {{}, std::string{"down"}}});
    BOOST_TEST(!parse_action(more));
    BOOST_TEST(!parse_action({}));
    BOOST_TEST(!parse_action({{"type", {}, {{}, std::int64_t{7}}}}));
}

BOOST_AUTO_TEST_CASE(programs_need_a_user_that_exists) {
    const std::string text = with_more("[actions]\nuser = \"no-such-user-here\"\n") +
                             "[[group]]\nname = \"third\"\ninterface = \"eth0\"\nvips = [\"10.0.0.12\"]\n" +
                             action("type = \"command\"\nargv = [\"/bin/true\"]\n");
    const auto config = parse(text, "f");
    BOOST_REQUIRE(config);
    BOOST_TEST(config->actions.user == "no-such-user-here");
    const std::vector<HostInterface> host{
        {"eth0", {*wire::Prefix::parse("10.0.0.1/24"), *wire::Prefix::parse("2001:db8::1/64")}},
        {"eth1", {*wire::Prefix::parse("10.1.0.1/24")}}};
    const auto problems = check_against_host(*config, text, "f", host, 4);
    BOOST_REQUIRE(problems.size() == 1U);
    BOOST_TEST(problems[0].line == last_line() + 2);
    BOOST_TEST(problems[0].what.find("no-such-user-here") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_example_acts_in_the_order_of_its_positions) {
    const auto text = read_text(EXAMPLES "/host-pair-actions.toml");
    BOOST_REQUIRE(text);
    const auto config = parse(*text, "host-pair-actions.toml");
    if (!config)
        for (const Problem& problem : config.error())
            BOOST_TEST_MESSAGE(problem.to_string());
    BOOST_REQUIRE(config);
    BOOST_REQUIRE(config->actions.lists.size() == 2U);
    for (const ActionList& list : config->actions.lists) {
        BOOST_REQUIRE(list.actions.size() == 3U);
        BOOST_TEST((list.trigger == Trigger::down));
        BOOST_TEST(list.actions[0].type == "add-ip");
        BOOST_TEST(list.actions[1].type == "become-primary");
        BOOST_TEST(list.actions[2].type == "email");
    }
}

BOOST_AUTO_TEST_SUITE_END()
