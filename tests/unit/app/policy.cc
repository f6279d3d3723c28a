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

BOOST_AUTO_TEST_CASE(the_packet_path_is_told_what_to_keep) {
    auto config = two_groups();
    config.engine.registrations_max = 7000;
    config.capture.enabled = config::Capturing::off;
    config.capture.octets = 1U << 20U;
    const auto setup = app::record_setup(config);
    BOOST_TEST(setup.registrations_max == 7000U);
    BOOST_TEST(setup.dialogs_max == config.engine.dialogs_max);
    BOOST_TEST((setup.capture == contract::Keeping::off));
    BOOST_TEST(setup.capture_octets == 1U << 20U);
    BOOST_TEST(setup.capture_seconds == 30);
    BOOST_TEST(std::string{setup.group_names[1].data()} == "trunks");
    BOOST_TEST(std::string{setup.group_names[2].data()}.empty());
}

BOOST_AUTO_TEST_CASE(the_role_engine_keeps_the_lease_below_the_detection_time) {
    const auto config = two_groups();
    const app::GroupRecord record{.epoch = 7, .disabled = false, .role = {}};
    const auto policy =
        app::role_policy(config, config.groups[0], record, app::Ending::orderly, app::Resumption::fresh);
    BOOST_TEST((policy.configured == ha::ConfiguredRole::primary));
    BOOST_TEST(policy.role_serial == 0);
    BOOST_TEST(policy.known_epoch == 7U);
    BOOST_TEST((policy.initial == ha::InitialState::enabled));
    BOOST_TEST((policy.lease() < policy.detection()));
    BOOST_TEST((policy.probe_wait == config::Config::probe_time));
    const auto resumed = app::role_policy(config, config.groups[0], record, app::Ending::open,
                                          app::Resumption::was_active_alone);
    BOOST_TEST((resumed.lone_wait < policy.lone_wait));
    BOOST_TEST(resumed.known_epoch == 8U);
}

BOOST_AUTO_TEST_CASE(what_was_kept_counts_more_than_the_file) {
    const auto config = two_groups();
    const app::GroupRecord record{
        .epoch = 1,
        .disabled = true,
        .role = app::KeptRole{config::ConfiguredRole::secondary, config::ConfiguredRole::primary, 9}};
    const auto policy =
        app::role_policy(config, config.groups[0], record, app::Ending::orderly, app::Resumption::fresh);
    BOOST_TEST((policy.configured == ha::ConfiguredRole::secondary));
    BOOST_TEST(policy.role_serial == 9);
    BOOST_TEST((policy.initial == ha::InitialState::disabled));
}

BOOST_AUTO_TEST_CASE(damper_hysteresis_and_failback_are_taken) {
    auto config = two_groups();
    config::Group& group = config.groups[1];
    group.hysteresis = 250;
    group.damper_base = std::chrono::milliseconds{1500};
    group.failback.hold = std::chrono::seconds{7};
    const auto policy = [&] {
        return app::role_policy(config, group, {}, app::Ending::orderly, app::Resumption::fresh);
    };
    BOOST_TEST((policy().failback == ha::Failback::manual));
    group.failback.policy = config::FailbackPolicy::automatic;
    BOOST_TEST((policy().failback == ha::Failback::automatic));
    group.failback.policy = config::FailbackPolicy::window;
    BOOST_TEST((policy().failback == ha::Failback::window));
    BOOST_TEST(policy().hysteresis == 250);
    BOOST_TEST((policy().damper_base == std::chrono::milliseconds{1500}));
    BOOST_TEST((policy().failback_hold == std::chrono::seconds{7}));
}

BOOST_AUTO_TEST_CASE(an_interface_of_two_groups_is_set_up_once) {
    const auto setup = std::get<netlink::ShadowSetup>(app::kernel_setup(two_groups()));
    BOOST_TEST(setup.outside_interfaces.size() == 1U);
    BOOST_TEST(setup.vips.size() == 3U);
}

namespace {

/// The same groups behind an appliance.
config::Config two_appliance_groups() {
    config::Config config = two_groups();
    config.engine.backend = contract::Backend::dpdk;
    config.engine.idle = contract::Idle::poll;
    config.engine.cores = {3, 5};
    config.engine.outside = {"0000:03:00.0", "eth0", {100, 200}, 1400};
    config.engine.inside = {"net_af_packet0,iface=eth1", "inside0", {}, 1500};
    config.paths.push_back(
        {"cable", *wire::IpAddress::parse("10.1.0.2"), *wire::IpAddress::parse("10.1.0.1")});
    config.engine.ha = {{"cable", {"net_ring0", "ha0", {}, 1500}, contract::MirrorSeal::clear}};
    config.groups[0].forwarding = contract::Forwarding::transparent;
    config.groups[0].servers = {*wire::IpAddress::parse("fd10::5"), *wire::IpAddress::parse("192.168.0.5")};
    config.groups[0].inside_vips = {*wire::Prefix::parse("192.168.0.254/24")};
    config.groups[1].forwarding = contract::Forwarding::nat;
    config.groups[1].servers = {*wire::IpAddress::parse("192.168.0.6")};
    return config;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_appliance_s_packet_path_knows_the_servers) {
    const auto policy = app::packet_policy(two_appliance_groups());
    BOOST_TEST(policy.vips[0].server.to_string() == "192.168.0.5");
    BOOST_TEST(policy.vips[1].server.to_string() == "fd10::5");
    BOOST_TEST(policy.vips[2].server.to_string() == "192.168.0.6");
    BOOST_CHECK(policy.groups[0].forwarding == contract::Forwarding::transparent);
    BOOST_CHECK(policy.groups[1].forwarding == contract::Forwarding::nat);
    BOOST_TEST(std::string{policy.shadow_interface.data()}.empty());
    const auto host = app::packet_policy(two_groups());
    BOOST_CHECK(host.groups[0].forwarding == contract::Forwarding::host);
    BOOST_TEST(host.vips[0].server.size() == 0U);
}

BOOST_AUTO_TEST_CASE(an_appliance_s_engine_knows_its_ports) {
    const auto out = app::appliance(two_appliance_groups());
    BOOST_CHECK(out.backend == contract::Backend::dpdk);
    BOOST_CHECK(out.idle == contract::Idle::poll);
    BOOST_TEST(out.workers == 2);
    BOOST_TEST(out.cores[0] == 3);
    BOOST_TEST(out.cores[1] == 5);
    BOOST_TEST(out.cores[2] == contract::any_core);
    BOOST_TEST(std::string{out.outside.device.data()} == "0000:03:00.0");
    BOOST_TEST(std::string{out.outside.kernel_interface.data()} == "eth0");
    BOOST_TEST(out.outside.tag_count == 2);
    BOOST_TEST(out.outside.tags[1] == 200);
    BOOST_TEST(out.outside.mtu == 1400);
    BOOST_TEST(std::string{out.inside.kernel_interface.data()} == "inside0");
    // At the place of its path.
    BOOST_TEST(std::string{out.ha[0].device.data()}.empty());
    BOOST_TEST(std::string{out.ha[1].device.data()} == "net_ring0");
    BOOST_CHECK(out.ha[0].mirror == contract::MirrorSeal::sealed);
    BOOST_CHECK(out.ha[1].mirror == contract::MirrorSeal::clear);
    BOOST_CHECK(app::appliance(two_groups()).backend == contract::Backend::nfqueue);
}

BOOST_AUTO_TEST_CASE(an_appliance_holds_vips_on_its_taps_and_keeps_no_rules) {
    const auto config = two_appliance_groups();
    const auto setup = std::get<netlink::TapSetup>(app::kernel_setup(config));
    BOOST_REQUIRE(setup.interfaces.size() == 2U);
    BOOST_TEST(setup.interfaces[0].interface == "eth0");
    BOOST_TEST(setup.interfaces[0].vips.size() == 3U);
    BOOST_TEST(setup.interfaces[1].interface == "inside0");
    BOOST_TEST(setup.interfaces[1].vips.at(0).to_string() == "192.168.0.254");
    const auto where = app::placements(config, config.groups[0], 4, 5);
    BOOST_REQUIRE(where.size() == 3U);
    BOOST_TEST(where[1].interface_index == 4);
    BOOST_TEST(where[2].interface_index == 5);
    for (const auto& placement : where)
        BOOST_CHECK(!placement.egress);
    const auto host = app::placements(two_groups(), two_groups().groups[0], 4, 0);
    BOOST_REQUIRE(host.size() == 2U);
    BOOST_REQUIRE(host[0].egress);
    BOOST_TEST(host[0].egress->route_table == 7100U);
}

BOOST_AUTO_TEST_SUITE_END()
