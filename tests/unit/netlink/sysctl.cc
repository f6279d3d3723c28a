// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/sysctl.hh"

#include <boost/test/unit_test.hpp>

#include <cerrno>

using namespace tandem;

BOOST_AUTO_TEST_SUITE(sysctl)

BOOST_AUTO_TEST_CASE(a_key_is_shown_as_operators_write_it) {
    BOOST_CHECK_EQUAL(netlink::display_name("ipv4/conf/eth0/arp_ignore"), "net.ipv4.conf.eth0.arp_ignore");
    BOOST_CHECK_EQUAL(netlink::display_name("ipv4/conf/eth0.10/arp_ignore"),
                      "net.ipv4.conf.eth0/10.arp_ignore");
}

BOOST_AUTO_TEST_CASE(what_is_as_wanted_is_not_written) {
    const auto value = netlink::read_setting("ipv4/conf/all/rp_filter");
    BOOST_REQUIRE(value.has_value());
    const auto setting = netlink::want_setting("ipv4/conf/all/rp_filter", *value);
    BOOST_REQUIRE(setting.has_value());
    BOOST_CHECK(*setting == netlink::Setting::was_so);
}

BOOST_AUTO_TEST_CASE(a_setting_that_does_not_exist) {
    BOOST_CHECK(!netlink::read_setting("ipv4/conf/no-such-one/rp_filter").has_value());
    const auto setting = netlink::want_setting("ipv4/conf/no-such-one/rp_filter", 1);
    BOOST_REQUIRE(!setting.has_value());
    BOOST_CHECK_EQUAL(setting.error().code, ENOENT);
    BOOST_CHECK_EQUAL(setting.error().what, "cannot set net.ipv4.conf.no-such-one.rp_filter to 1");
}

BOOST_AUTO_TEST_SUITE_END()
