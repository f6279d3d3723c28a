// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/checks.hh"
#include "example.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

std::uint64_t digest(const std::string& text) {
    const auto config = parse(text, "f");
    BOOST_REQUIRE(config);
    return config->digest;
}

} // namespace

BOOST_AUTO_TEST_SUITE(checks)

BOOST_AUTO_TEST_CASE(duplicates) {
    expect_one(with("name = \"lan\"", "name = \"cable\""), 13, "path \"cable\" is there twice", "line 9");
    expect_one(with("name = \"trunk\"", "name = \"sip\""), 26, "group \"sip\" is there twice", "line 17");
    expect_one(with("\"10.0.0.11\"", "\"10.0.0.10\""), 28, "VIP 10.0.0.10 is there twice", "line 20");
    expect_one(with("\"10.0.0.11\"", "\"10.0.0.11\", \"10.0.0.11/24\""), 28, "VIP 10.0.0.11 is there twice",
               "line 28");
    expect_one(with("\"10.0.0.11\"", "\"2001:DB8:0::10\""), 28, "VIP 2001:db8::10 is there twice", "line 20");
    expect_one(with("[5060]", "[5060, 5080, 5060]"), 21, "SIP port 5060 is there twice", "remove");
}

BOOST_AUTO_TEST_CASE(paths) {
    expect_one(with("\"10.1.0.2\"", "\"10.1.0.1\""), 11, "10.1.0.1 is used twice", "line 10");
    expect_one(with("\"2001:db8::1\"", "\"10.1.0.9\""), 15, "not of the same family", "two IPv4 or two IPv6");
    std::string text = with("\"2001:db8::1\"", "\"10.1.0.1\"");
    text.replace(text.find("\"2001:db8::2\""), 13, "\"10.1.0.3\"");
    expect_one(text, 14, "10.1.0.1 is used twice", "line 10");
}

BOOST_AUTO_TEST_CASE(a_vip_is_no_path_address) {
    expect_one(with("\"10.0.0.11\"", "\"10.1.0.1\""), 28, "VIP 10.1.0.1 is the address of an HA path",
               "line 10");
    expect_one(with("\"10.0.0.11\"", "\"10.1.0.2\""), 28, "VIP 10.1.0.2 is the address of an HA path",
               "line 11");
}

BOOST_AUTO_TEST_CASE(ports_differ) {
    expect_one(with("multiplier = 3", "stream_port = 7101"), 7,
               "\"stream_port\" is the same as \"heartbeat_port\"", "7100, 7101, 7102");
    expect_one(with("multiplier = 3", "mirror_port = 7101"), 7,
               "\"mirror_port\" is the same as \"heartbeat_port\"", "must differ");
}

BOOST_AUTO_TEST_CASE(the_shadow_interface_is_not_the_outside) {
    expect_one(with("\"eth0\"", "\"tandem0\""), 19, "is the shadow interface", "phones");
}

BOOST_AUTO_TEST_CASE(vips_are_bounded_over_all_groups) {
    std::string many;
    for (int i = 1; i <= 31; ++i)
        many += (i > 1 ? ", " : "") + ("\"10.9.0." + std::to_string(i)) + "\"";
    expect_one(with("\"10.0.0.11\"", many), 28, "too many VIPs together", "32");
}

BOOST_AUTO_TEST_CASE(the_role_lease_ends_before_the_other_node_takes_over) {
    for (const auto interval : {1000us, 2500us, 5000us, 1000000us}) {
        for (unsigned multiplier = 3; multiplier <= 50; ++multiplier) {
            Draft draft;
            draft.config.pair.interval = interval;
            draft.config.pair.multiplier = multiplier;
            BOOST_CHECK(draft.config.fast_path_lease() < draft.config.detection_time());
            // One interval until the first heartbeat is missed, and the probe of the network.
            BOOST_CHECK(draft.config.detection_worst_case() ==
                        draft.config.detection_time() + interval + 1ms);
            Complaints complaints{"f"};
            check(draft, complaints);
            BOOST_TEST(complaints.take().empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_lease_of_less_than_two_intervals_is_refused) {
    Draft draft;
    draft.config.pair.multiplier = 2;
    draft.places.interval = {6, 1};
    Complaints complaints{"f"};
    check(draft, complaints);
    const auto problems = complaints.take();
    BOOST_REQUIRE(problems.size() == 1U);
    BOOST_TEST(problems[0].line == 6U);
    BOOST_TEST(problems[0].what.find("lease") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_digest_covers_what_both_nodes_must_agree_on) {
    const std::uint64_t good = digest(good_text());
    BOOST_TEST(good != 0U);
    struct Change {
        std::string_view what;
        std::string_view by;
    };
    for (const auto& change :
         {Change{"\"office\"", "\"home\""}, Change{"interval_ms = 5", "interval_ms = 6"},
          Change{"multiplier = 3", "multiplier = 4"}, Change{"multiplier = 3", "stream_port = 9"},
          Change{"multiplier = 3", "heartbeat_port = 9"}, Change{"multiplier = 3", "mirror_port = 9"},
          Change{"name = \"trunk\"", "name = \"trunks\""}, Change{"10.0.0.11", "10.0.0.12"},
          Change{"[5060]", "[5061]"}, Change{"enabled = true", "enabled = false"},
          Change{"INVITE|BYE", "INVITE"}})
        BOOST_TEST(digest(with(change.what, change.by)) != good, change.by);
}

BOOST_AUTO_TEST_CASE(the_digest_leaves_out_what_differs_between_the_nodes) {
    const std::uint64_t good = digest(good_text());
    struct Change {
        std::string_view what;
        std::string_view by;
    };
    for (const auto& change :
         {Change{"id = 1", "id = 2"}, Change{"\"sip-a\"", "\"sip-b\""},
          Change{"\"10.1.0.1\"", "\"10.1.0.7\""}, Change{"role = \"primary\"", "role = \"secondary\""},
          Change{"role = \"primary\"", "priority = 7"},
          Change{"interface = \"eth0\"", "interface = \"eth7\""}, Change{"INVITE|BYE", "bye | invite"},
          Change{"\"10.0.0.10/24\", \"2001:db8::10\"", "\"2001:db8::10\", \"10.0.0.10/24\""}})
        BOOST_TEST(digest(with(change.what, change.by)) == good, change.by);
    // The order of the groups does not matter either.
    const std::string text = good_text();
    const auto first = text.find("[[group]]");
    const auto second = text.find("[[group]]", first + 1);
    BOOST_TEST(digest(text.substr(0, first) + text.substr(second) + text.substr(first, second - first)) ==
               good);
}

BOOST_AUTO_TEST_SUITE_END()
