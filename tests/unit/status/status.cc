// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/status.hh"
#include "control/status/render.hh"
#include "example.hh"
#include "tests/unit/time_zone.hh"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <limits>

using namespace tandem::status;
using tandem::test::TimeZone;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(model)

BOOST_AUTO_TEST_CASE(the_json_form) {
    const TimeZone zone{"UTC"};
    const auto object = to_json(active_node());
    BOOST_TEST(
        boost::json::serialize(object) ==
        R"({"node":{"id":1,"name":"sip-a"},"version":"0.1.0","incarnation":3735928559,"uptime_ms":3723000,)"
        R"("now":"2025-06-15T15:06:40.500+00:00","pair":"office","config_digest":"0123456789abcdef",)"
        R"("groups":[{"name":"sip","configured_role":"primary","role":"active","epoch":7,)"
        R"("vips":[{"address":"10.0.0.10","on_outside":true},{"address":"2001:db8::10","on_outside":true}],)"
        R"("interface":"eth0","priority":100,"ready":true,"reason":"operator asked for failback",)"
        R"("since":"2025-06-15T15:06:40.123+00:00","transitions":3,"mirroring":true,"pattern":"REGISTER",)"
        R"("file_role":"primary","score":1000,"lacks":[],"isolated":false,"hysteresis":100,)"
        R"("damper":{"factor":1,"remaining_ms":null},)"
        R"("failback":{"policy":"manual","in_ms":null,"window_in_ms":null},"calls":12,)"
        R"("monitors":[{"name":"server","state":"ok","detail":"","since":"2025-06-15T15:06:40.123+00:00",)"
        R"("failures":0}],"checks":{"states":{"up":12,"down":1},"down":["gw"]},"forwarding":"","servers":[],"inside_vips":[]}],)"
        R"("peer":{"state":"up","id":2,"name":"sip-b"},)"
        R"("paths":[{"name":"cable","local":"10.1.0.1","peer":"10.1.0.2","state":"up","stream":"up",)"
        R"("rtt_us":{"last":180,"min":95},"last_heard_ms":2.5E0,"counters":{"unauthentic":4,"replayed":0},)"
        R"("mirror":"kernel"}],)"
        R"("mirror":{"sent":1200,"confirmed":1198,"received":0,"lost":0,"in_sync":false},)"
        R"("engine":{"running":true,"attached":true,"pid":812,"backend":"nfqueue","workers":[],"ports":[]},)"
        R"("detection":{"interval_ms":5E0,"multiplier":3,"worst_case_ms":2E1},)"
        R"("beats":{"sent":90000,"later_than_us":{"100":12,"1000":1},"late_max_us":1200,"late_minute_us":90},)"
        R"("counters":{"sip_received":5000,"mirror_sent":1200},"alarms":[],"alarm_list":[],"alarms_ended":0,"warnings":[]})");
}

BOOST_AUTO_TEST_CASE(what_stands_behind_an_appliance) {
    NodeStatus node;
    Group group;
    group.name = "sip";
    group.role = "active";
    group.forwarding = "nat";
    group.servers = {"192.168.10.10", "fd10::10"};
    group.inside_vips = {{"192.168.10.254", Placement::on_outside}, {"fd10::254", Placement::absent}};
    node.groups = {group};
    const auto object = to_json(node);
    const auto& told = object.at("groups").at(0);
    BOOST_TEST(told.at("forwarding").as_string() == "nat");
    BOOST_TEST(told.at("servers").at(1).as_string() == "fd10::10");
    BOOST_TEST(told.at("inside_vips").at(0).at("on_inside").as_bool());
    BOOST_TEST(!told.at("inside_vips").at(1).at("on_inside").as_bool());
    const std::string text = render({{"self", object}, {"peer", nullptr}});
    BOOST_TEST(text.contains("nat to 192.168.10.10, fd10::10"));
    BOOST_TEST(text.contains("inside VIP 192.168.10.254"));
    BOOST_TEST(text.contains("on the inside interface"));
}

BOOST_AUTO_TEST_CASE(workers_and_ports_of_an_appliance) {
    NodeStatus node;
    node.engine.workers = {{{"sip_forwarded", 7}}, {{"not_sip", 9}, {"worker_full", 1}}};
    Port port{"outside", "outside0", true, 10'000, {{"received", 20}, {"missed", 2}}, {}};
    port.queues = {{{"received", 15}, {"handed", 4}}, {{"received", 5}}};
    node.engine.ports = {port};
    const auto engine = to_json(node).at("engine");
    BOOST_TEST(engine.at("workers").at(0).at("counters").at("sip_forwarded") == 7U);
    BOOST_TEST(engine.at("workers").at(1).at("counters").at("worker_full") == 1U);
    const auto& shown = engine.at("ports").at(0);
    BOOST_TEST(shown.at("name") == "outside");
    BOOST_TEST(shown.at("kernel_interface") == "outside0");
    BOOST_TEST(shown.at("link") == true);
    BOOST_TEST(shown.at("speed_mbps") == 10'000U);
    BOOST_TEST(shown.at("counters").at("missed") == 2U);
    BOOST_TEST(shown.at("queues").at(0).at("handed") == 4U);
    BOOST_TEST(shown.at("queues").at(1).at("received") == 5U);
}

BOOST_AUTO_TEST_CASE(alarms_are_sentences_and_a_list) {
    const TimeZone zone{"UTC"};
    NodeStatus node;
    node.alarms = {{"isolated", "sip", "", "cut off", WallClock::time_point{1750000000007ms}},
                   {"path.down", "", "cable", "HA path cable is down", {}}};
    const auto object = to_json(node);
    BOOST_TEST(object.at("alarms").at(0) == "group sip: cut off");
    BOOST_TEST(object.at("alarms").at(1) == "HA path cable is down");
    const auto& first = object.at("alarm_list").at(0);
    BOOST_TEST(first.at("code") == "isolated");
    BOOST_TEST(first.at("group") == "sip");
    BOOST_TEST(first.at("since") == "2025-06-15T15:06:40.007+00:00");
    BOOST_TEST(object.at("alarm_list").at(1).at("subject") == "cable");
}

BOOST_AUTO_TEST_CASE(an_empty_status_has_every_member) {
    const auto object = to_json(NodeStatus{});
    const auto full = to_json(active_node());
    for (const auto& member : full)
        BOOST_TEST(object.contains(member.key()), member.key());
    BOOST_TEST(object.at("mirror").at("in_sync").is_null());
    BOOST_TEST(object.at("engine").at("running") == false);
}

BOOST_AUTO_TEST_CASE(a_path_that_was_never_heard) {
    NodeStatus node;
    node.paths.push_back(
        {"p", "10.0.0.1", "10.0.0.2", PathState::never, StreamState::down, {}, {}, {}, {}, {}});
    const auto path = to_json(node).at("paths").at(0);
    BOOST_TEST(path.at("state") == "never");
    BOOST_TEST(path.at("stream") == "down");
    BOOST_TEST(path.at("rtt_us").at("last").is_null());
    BOOST_TEST(path.at("last_heard_ms").is_null());
}

BOOST_AUTO_TEST_CASE(numbers_that_json_does_not_know_are_null) {
    NodeStatus node = active_node();
    node.paths[0].last_heard_ms = std::numeric_limits<double>::infinity();
    node.detection.worst_case_ms = std::numeric_limits<double>::quiet_NaN();
    const auto object = to_json(node);
    BOOST_TEST(object.at("paths").at(0).at("last_heard_ms").is_null());
    BOOST_TEST(object.at("detection").at("worst_case_ms").is_null());
}

BOOST_AUTO_TEST_CASE(times_have_milliseconds_and_a_zone) {
    const WallClock::time_point time{1750000000007ms};
    {
        const TimeZone zone{"XXX-2"};
        BOOST_TEST(iso8601(time) == "2025-06-15T17:06:40.007+02:00");
    }
    {
        const TimeZone zone{"XXX3:30"};
        BOOST_TEST(iso8601(time) == "2025-06-15T11:36:40.007-03:30");
    }
    const TimeZone zone{"UTC"};
    BOOST_TEST(iso8601(WallClock::time_point{}) == "1970-01-01T00:00:00.000+00:00");
    BOOST_TEST(iso8601(WallClock::time_point{-1ms}) == "1969-12-31T23:59:59.999+00:00");
}

BOOST_AUTO_TEST_SUITE_END()
