// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/policy.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;

namespace {

config::Config two_groups() {
    config::Config config;
    config.node.id = 2;
    config.node.shadow_interface = "tandem0";
    config.pair.mirror_port = 7102;
    config.paths = {{"lan", *wire::IpAddress::parse("10.0.0.2"), *wire::IpAddress::parse("10.0.0.1")}};
    config.engine.queue = 9;
    config::Group sip;
    sip.name = "sip";
    sip.role = config::ConfiguredRole::primary;
    sip.interface = "eth0";
    sip.vips = {*wire::Prefix::parse("10.0.0.10/24"), *wire::Prefix::parse("fd00::10")};
    sip.sip_ports = {5060, 5080};
    sip.mirroring = config::Mirroring::on;
    sip.request_pattern = *contract::RequestPattern::parse("REGISTER");
    config::Group trunks;
    trunks.name = "trunks";
    trunks.interface = "eth0";
    trunks.vips = {*wire::Prefix::parse("10.0.0.11")};
    config.groups = {sip, trunks};
    return config;
}

} // namespace

BOOST_AUTO_TEST_SUITE(policy)

BOOST_AUTO_TEST_CASE(the_packet_path_gets_every_vip_with_its_group) {
    const auto policy = app::packet_policy(two_groups());
    BOOST_TEST(policy.vip_count == 3);
    BOOST_TEST(policy.group_count == 2);
    BOOST_TEST(policy.vips[0].group == 0);
    BOOST_TEST(policy.vips[2].group == 1);
    BOOST_TEST(policy.vips[2].address.to_string() == "10.0.0.11");
    BOOST_TEST(policy.groups[0].sip_port_count == 2);
    BOOST_TEST((policy.groups[0].mirroring == contract::Mirroring::on));
    BOOST_TEST((policy.groups[1].mirroring == contract::Mirroring::off));
    BOOST_TEST(policy.groups[0].pattern.to_string() == "REGISTER");
    BOOST_TEST(policy.queue == 9);
    BOOST_TEST(std::string{policy.shadow_interface.data()} == "tandem0");
}

BOOST_AUTO_TEST_CASE(the_role_engine_keeps_the_lease_below_the_detection_time) {
    const auto config = two_groups();
    const auto policy =
        app::role_policy(config, config.groups[0], 7, ha::InitialState::enabled, app::Resumption::fresh);
    BOOST_TEST((policy.configured == ha::ConfiguredRole::primary));
    BOOST_TEST(policy.known_epoch == 7U);
    BOOST_TEST((policy.lease() < policy.detection()));
    const auto resumed = app::role_policy(config, config.groups[0], 7, ha::InitialState::enabled,
                                          app::Resumption::was_active_alone);
    BOOST_TEST((resumed.lone_wait < policy.lone_wait));
}

BOOST_AUTO_TEST_CASE(an_interface_of_two_groups_is_set_up_once) {
    const auto setup = app::shadow_setup(two_groups());
    BOOST_TEST(setup.outside_interfaces.size() == 1U);
    BOOST_TEST(setup.vips.size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
