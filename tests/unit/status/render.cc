// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/render.hh"
#include "example.hh"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

using namespace tandem::status;

namespace {

boost::json::value answer(const NodeStatus& self) {
    return boost::json::object{{"self", to_json(self)}, {"peer", nullptr}};
}

boost::json::value answer(const NodeStatus& self, const NodeStatus& peer) {
    return boost::json::object{{"self", to_json(self)}, {"peer", to_json(peer)}};
}

/// Column widths are the layout's business: runs of blanks count as one, those at the start of a line as
/// none.
std::string squeezed(std::string_view text) {
    std::string result;
    for (const char c : text)
        if (c != ' ' || (!result.empty() && result.back() != ' ' && result.back() != '\n'))
            result += c;
    return result;
}

void expect_line(const std::string& text, std::string_view line) {
    BOOST_TEST(("\n" + squeezed(text)).find("\n" + squeezed(line) + "\n") != std::string::npos,
               "\"" << line << "\" is not a line of:\n"
                    << text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(rendering)

BOOST_AUTO_TEST_CASE(both_nodes_side_by_side) {
    const std::string text = render(answer(active_node(), standby_node()));
    expect_line(text, "PAIR office");
    expect_line(text, "NODE           sip-a                         sip-b");
    expect_line(text, "  id           1 (this node)                 2 (peer)");
    expect_line(text, "  running for  1 h 2 min                     1 h 2 min");
    expect_line(text, "  sees peer    sip-b is up                   sip-a is up");
    expect_line(text, "  engine       nfqueue, attached, pid 812    nfqueue, attached, pid 812");
    expect_line(text, "  mirror out   1200 sent, 1198 confirmed     0 sent, 0 confirmed");
    expect_line(text, "  mirror in    0 received, 0 lost            1198 received, 2 lost");
    expect_line(text, "  detection    at most 20 ms (5 ms x 3)      at most 20 ms (5 ms x 3)");
    expect_line(text, "  heartbeats   late by at most 0.09 ms       late by at most 0.09 ms");
    expect_line(text, "  role              ACTIVE                                      standby");
    BOOST_TEST(text.find("Active since 2025-06-15T") != std::string::npos);
    BOOST_TEST(text.find("Standby since 2025-06-15T") != std::string::npos);
    expect_line(text, "  VIP 10.0.0.10     on eth0                                     not here");
    BOOST_TEST(
        text.find(
            "cable  sip-a      10.1.0.1  10.1.0.2  up     up      0.18 ms     0.095 ms  2.5 ms ago  kernel  "
            "unauthentic 4\n") != std::string::npos,
        text);
    BOOST_TEST(text.find("cable  sip-b      10.1.0.2  10.1.0.1") != std::string::npos);
    BOOST_TEST(text.find("DO NOT AGREE") == std::string::npos);
    BOOST_TEST(text.find("WARNINGS") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(alone) {
    const std::string text = render(answer(active_node()));
    expect_line(text, "NODE           sip-a");
    expect_line(text, "The peer does not answer: only this node's view is shown.");
    BOOST_TEST(text.find("sip-b      10.1") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_stands_at_the_end) {
    NodeStatus self = active_node();
    NodeStatus peer = standby_node();
    peer.groups[0].epoch = 9;
    self.alarms = {{"engine.absent", "", "", "the engine is gone", {}}};
    peer.warnings = {"rp_filter is strict"};
    const std::string text = render(answer(self, peer));
    expect_line(text, "THE NODES DO NOT AGREE");
    expect_line(text, "  ! group sip: sip-a is at epoch 7, sip-b at 9");
    expect_line(text, "ALARMS");
    expect_line(text, "  ! sip-a: the engine is gone");
    expect_line(text, "WARNINGS");
    expect_line(text, "  ! sip-b: rp_filter is strict");
}

BOOST_AUTO_TEST_CASE(states_of_engine_and_mirror) {
    NodeStatus self = active_node();
    self.engine.state = EngineState::absent;
    self.mirror.sync = Sync::unknown;
    self.groups[0].mirroring = Mirroring::off;
    std::string text = render(answer(self));
    expect_line(text, "  engine       not running");
    expect_line(text, "  mirror is    unknown");
    expect_line(text, "  mirroring         off");
    self.groups[0].mirroring = Mirroring::on;
    self.groups[0].pattern.clear();
    expect_line(render(answer(self)), "  mirroring         any SIP message");
}

BOOST_AUTO_TEST_CASE(health_is_short_when_all_is_well) {
    const std::string text = render(answer(active_node(), standby_node()));
    expect_line(text, "  health            1000 of 1000           1000 of 1000");
    expect_line(text, "  monitors          server ok              server ok");
    expect_line(text, "  configured role   primary                secondary");
    expect_line(text, "  failback          manual                 manual");
    BOOST_TEST(text.find("lacks") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(checks_are_counted_and_those_that_are_down_named) {
    NodeStatus self = active_node();
    NodeStatus peer = standby_node();
    const auto line = [&](const Checks& ours, const Checks& theirs) {
        self.groups[0].checks = ours;
        peer.groups[0].checks = theirs;
        return render(answer(self, peer));
    };
    expect_line(line({{{"up", 12}, {"down", 1}}, {"gw"}}, {{{"up", 13}}, {}}),
                "  checks            gw down; 12 up         13 up");
    expect_line(line({{{"down", 20}}, {"a", "b"}}, {}), "  checks  a, b and 18 more down  none");
    expect_line(line({{{"down", 1}}, {"\x1b[2J"}}, {{{"\x1b[2J", 1}}, {}}), "  checks  ?[2J down  1 ?[2J");
    BOOST_TEST(line({}, {}).find("checks") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_recovery_that_is_not_believed_yet_is_said) {
    NodeStatus self = active_node();
    self.groups[0].score = 0;
    expect_line(render(answer(self)), "  health  0 of 1000, recovering");
    self.groups[0].monitors[0].state = "failed";
    expect_line(render(answer(self)), "  health  0 of 1000");
    self.groups[0].monitors[0].state = "ok";
    self.groups[0].role = "fault";
    expect_line(render(answer(self)), "  health  0 of 1000");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_group_is_said) {
    NodeStatus self = active_node();
    NodeStatus peer = standby_node();
    Group& bad = peer.groups[0];
    bad.score = 0;
    bad.isolated = true;
    bad.lacks = {"the outside network", "an answering SIP server"};
    bad.damper = {2, 12'000};
    bad.monitors.push_back({"vip", "off", "", {}, 0});
    bad.monitors.push_back({"nic", "failed", "eth0 lost its carrier", {}, 1});
    bad.monitors.push_back({"listener", "unknown", "", {}, 0});
    bad.configured_role = "primary";
    bad.file_role = "secondary";
    self.groups[0].configured_role = "secondary";
    self.groups[0].file_role = "primary";
    self.groups[0].failback = {"auto, after 60 s", 30'000, std::nullopt};
    bad.failback = {"window 02:00 to 05:00, after 60 s", std::nullopt, 5'400'000};
    const std::string text = render(answer(self, peer));
    expect_line(text, "  health  1000 of 1000  0 of 1000, isolated, hand-over held back for 12 s, damper x2");
    expect_line(text, "  monitors  server ok  nic failed, listener unknown; server ok");
    expect_line(text, "  lacks  nothing  the outside network, an answering SIP server");
    expect_line(text, "  configured role  secondary (follows runtime role, file says primary)  "
                      "primary (follows runtime role, file says secondary)");
    expect_line(text, "  failback  auto, after 60 s; returns in 30 s  "
                      "window 02:00 to 05:00, after 60 s; the window opens in 1 h 30 min");
    bad.failback.window_in_ms = 0;
    BOOST_TEST(render(answer(self, peer)).find("after 60 s; the window is open") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_group_of_the_peer_only) {
    NodeStatus peer = standby_node();
    peer.groups[0].name = "other";
    const std::string text = render(answer(active_node(), peer));
    BOOST_TEST(text.find("GROUP sip ") != std::string::npos);
    BOOST_TEST(text.find("GROUP other ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(hostile_and_broken_answers) {
    NodeStatus peer = standby_node();
    peer.name = "\x1b[2J";
    peer.groups[0].reason = "a\nb";
    peer.warnings = {"\x9b"};
    BOOST_TEST(render(answer(active_node(), peer)).find('\x1b') == std::string::npos);
    for (const std::string_view text :
         {"null", "7", "{}", "[]", R"({"self":7,"peer":[]})", R"({"self":{"groups":{},"paths":7},"peer":{}})",
          R"({"self":{"groups":[null,7,{"vips":[7,null]}],"paths":[null]},"peer":{"groups":[{}]}})"})
        BOOST_TEST(render(boost::json::parse({text.data(), text.size()})).starts_with("PAIR -\n"), text);
}

BOOST_AUTO_TEST_CASE(counters) {
    const auto sentence = [](std::string_view name) -> std::string_view {
        return name == "sip_received" ? "SIP messages received" : "";
    };
    BOOST_TEST(render_counters(to_json(active_node()), sentence) ==
               "sip_received            5000  SIP messages received\n"
               "mirror_sent             1200\n"
               "path.cable.unauthentic  4\n"
               "path.cable.replayed     0\n");
}

BOOST_AUTO_TEST_SUITE_END()
