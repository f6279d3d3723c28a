// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/disagreement.hh"
#include "example.hh"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace tandem::status;

namespace {

std::vector<std::string> said(const NodeStatus& self, const NodeStatus& peer) {
    return disagreements(to_json(self), to_json(peer));
}

/// A healthy pair with one thing changed on either side.
void expect(const std::function<void(NodeStatus&, NodeStatus&)>& change,
            const std::vector<std::string>& sentences) {
    NodeStatus self = active_node();
    NodeStatus peer = standby_node();
    change(self, peer);
    BOOST_TEST(said(self, peer) == sentences, boost::test_tools::per_element());
}

} // namespace

BOOST_AUTO_TEST_SUITE(disagreement)

BOOST_AUTO_TEST_CASE(a_healthy_pair_agrees) {
    expect([](NodeStatus&, NodeStatus&) {}, {});
    BOOST_TEST(said(standby_node(), active_node()).empty());
    BOOST_TEST(disagreements(to_json(active_node()), nullptr).empty());
}

BOOST_AUTO_TEST_CASE(roles) {
    expect([](NodeStatus&, NodeStatus& b) { b.groups[0].role = "active"; },
           {"group sip: both nodes say that they are active",
            "group sip: sip-b is active, but 2 of its 2 VIPs are not on its outside interface"});
    expect(
        [](NodeStatus& a, NodeStatus&) {
            a.groups[0].role = "fault";
            for (auto& vip : a.groups[0].vips)
                vip.placement = Placement::absent;
        },
        {"group sip: no node is active: the VIPs are not served"});
    expect([](NodeStatus&, NodeStatus& b) { b.groups[0].epoch = 6; },
           {"group sip: sip-a is at epoch 7, sip-b at 6"});
}

BOOST_AUTO_TEST_CASE(vips) {
    expect([](NodeStatus&, NodeStatus& b) { b.groups[0].vips[0].placement = Placement::on_outside; },
           {"group sip: both nodes have 10.0.0.10 on their outside interface",
            "group sip: sip-b is not active, but has 1 of 2 VIPs on its outside interface"});
    NodeStatus alone = active_node();
    alone.groups[0].vips[1].placement = Placement::absent;
    BOOST_TEST(disagreements(to_json(alone), nullptr) ==
                   std::vector<std::string>{
                       "group sip: sip-a is active, but 1 of its 2 VIPs are not on its outside interface"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_link) {
    expect(
        [](NodeStatus& a, NodeStatus&) {
            a.peer.state = PeerState::down;
            a.paths[0].state = PathState::down;
        },
        {"sip-a says that sip-b is down, sip-b says that sip-a is up",
         "path cable: down seen from sip-a, up seen from sip-b: it may work in one direction only"});
}

BOOST_AUTO_TEST_CASE(a_mirror_in_clear) {
    const std::string end =
        " seals it and refuses what comes in clear: \"mirror\" of [[engine.ha]] must say the "
        "same in both files";
    expect([](NodeStatus& a, NodeStatus&) { a.paths[0].mirror = MirrorWay::port_clear; },
           {"path cable: sip-a sends the mirror in clear, sip-b" + end});
    expect(
        [](NodeStatus& a, NodeStatus& b) {
            a.paths[0].mirror = MirrorWay::port;
            b.paths[0].mirror = MirrorWay::port_clear;
        },
        {"path cable: sip-b sends the mirror in clear, sip-a" + end});
    // A port on one side and the kernel on the other get on.
    expect([](NodeStatus& a, NodeStatus&) { a.paths[0].mirror = MirrorWay::port; }, {});
}

BOOST_AUTO_TEST_CASE(settings) {
    expect([](NodeStatus&, NodeStatus& b) { b.groups[0].pattern = "INVITE"; },
           {"group sip: the request patterns differ"});
    expect([](NodeStatus&, NodeStatus& b) { b.groups[0].mirroring = Mirroring::off; },
           {"group sip: mirroring is on in one file and off in the other"});
    expect([](NodeStatus&, NodeStatus& b) { b.groups[0].vips.pop_back(); },
           {"group sip: the two files list different VIPs"});
    expect([](NodeStatus&, NodeStatus& b) { b.groups[0].configured_role = "primary"; },
           {"group sip: both nodes are configured as primary"});
    expect([](NodeStatus&, NodeStatus& b) { b.node_id = 1; },
           {"both nodes have the same id: give one 1 and the other 2"});
    expect([](NodeStatus&, NodeStatus& b) { b.pair_id = "x"; }, {"the nodes belong to different pairs"});
    expect([](NodeStatus&, NodeStatus& b) { b.detection.interval_ms = 2; },
           {"\"interval_ms\" differs between the two files"});
    expect([](NodeStatus&, NodeStatus& b) { b.version = "0.2.0"; },
           {"sip-a runs version 0.1.0, sip-b 0.2.0"});
}

BOOST_AUTO_TEST_CASE(the_digest_speaks_when_nothing_else_does) {
    expect([](NodeStatus&, NodeStatus& b) { b.config_digest = 1; },
           {"the two files differ in something that both nodes must agree on"});
    expect(
        [](NodeStatus&, NodeStatus& b) {
            b.config_digest = 1;
            b.groups[0].pattern = "INVITE";
        },
        {"group sip: the request patterns differ"});
}

BOOST_AUTO_TEST_CASE(groups_that_one_node_does_not_know) {
    expect([](NodeStatus&, NodeStatus& b) { b.groups[0].name = "other"; },
           {"group sip is only known to sip-a", "group other is only known to sip-b"});
}

BOOST_AUTO_TEST_CASE(a_spoilt_status_is_no_harm) {
    for (const boost::json::value& spoilt :
         {boost::json::value{nullptr}, boost::json::value{7}, boost::json::value{boost::json::object{}},
          boost::json::value{{"groups", 7}, {"paths", "x"}}}) {
        disagreements(spoilt, to_json(active_node()));
        disagreements(to_json(active_node()), spoilt);
        disagreements(spoilt, spoilt);
    }
}

BOOST_AUTO_TEST_SUITE_END()
