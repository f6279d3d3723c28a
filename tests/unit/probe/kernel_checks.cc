// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of targets on a real wire.

#include "control/probe/probe.hh"
#include "tests/unit/watch/responder.hh"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <deque>

using namespace tandem;
using namespace tandem::testing;
using probe::CheckState;
using probe::CheckVerdict;

namespace {

const char* const deaf4 = "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all";
const char* const hears4 = "echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_all";

struct Wire : World {
    boost::asio::io_context io;
    std::deque<config::CheckSettings> settings;
    std::vector<std::pair<std::size_t, CheckVerdict>> told;
    std::unique_ptr<probe::Checks> checks;

    Wire() { settle(*this); }
    void on_host(const std::string& command) const {
        const Inside host(host_space);
        run(command);
    }
    config::CheckSettings& add(const wire::IpAddress& address) {
        config::CheckSettings& check = settings.emplace_back();
        check.name = "check" + std::to_string(settings.size());
        check.target = config::NetworkTarget{address};
        check.interval = std::chrono::milliseconds{10};
        check.timeout = std::chrono::milliseconds{300};
        return check;
    }
    void start() {
        std::vector<probe::Checks::Named> all;
        for (const auto& check : settings)
            all.push_back({"group", check});
        checks = std::make_unique<probe::Checks>(io, std::move(all),
                                                 [this](std::size_t check, const probe::CheckNews& news) {
                                                     told.emplace_back(check, news.verdict);
                                                 });
        checks->start();
    }
    bool comes_to(std::size_t check, CheckState state) {
        return eventually([&] {
            io.restart();
            io.run_for(std::chrono::milliseconds{5});
            return checks->state(check) == state;
        });
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(checks)

BOOST_FIXTURE_TEST_CASE(targets_of_both_families_by_every_way, Wire) {
    add(host4);
    add(host6);
    add(host4).interface = "out0";
    add(host4).source = node4;
    config::CheckSettings& both = add(host6);
    both.interface = "out0";
    both.source = node6;
    start();
    for (std::size_t i = 0; i < settings.size(); ++i) {
        BOOST_TEST_CONTEXT("check " << i) {
            BOOST_TEST(comes_to(i, CheckState::up));
            BOOST_TEST(checks->line(i).detail.empty());
            BOOST_TEST(checks->line(i).latency.has_value());
        }
    }
    BOOST_TEST(told.empty());
}

BOOST_FIXTURE_TEST_CASE(a_link_local_target, Wire) {
    wire::IpAddress target;
    {
        const Inside host(host_space);
        for (const wire::Prefix& address : interface("peer0").addresses)
            if (address.address.is_v6() && address.address.octets[0] == 0xfe)
                target = address.address;
    }
    BOOST_REQUIRE(target.size() != 0);
    add(target).interface = "out0";
    start();
    BOOST_TEST(comes_to(0, CheckState::up));
}

BOOST_FIXTURE_TEST_CASE(one_goes_away_and_comes_back, Wire) {
    add(host4);
    add(host6);
    start();
    BOOST_REQUIRE(comes_to(0, CheckState::up));
    BOOST_REQUIRE(comes_to(1, CheckState::up));
    on_host(deaf4);
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST((checks->state(1) == CheckState::up));
    BOOST_TEST((told.back() == std::pair{std::size_t{0}, CheckVerdict::down}));
    on_host(hears4);
    BOOST_TEST(comes_to(0, CheckState::up));
    BOOST_TEST((told.back() == std::pair{std::size_t{0}, CheckVerdict::up}));
    BOOST_TEST(checks->line(0).failures == 1U);
    BOOST_TEST(told.size() == 2U);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_asked_says_why, Wire) {
    add(wire::IpAddress::v4({198, 51, 100, 1})); // no route
    add(host4).interface = "nosuch0";
    add(host4).source = wire::IpAddress::v4({198, 51, 100, 2});
    start();
    for (std::size_t i = 0; i < settings.size(); ++i) {
        BOOST_TEST(comes_to(i, CheckState::down));
        BOOST_TEST(!checks->line(i).detail.empty());
        BOOST_TEST_MESSAGE(checks->line(i).detail);
    }
}

BOOST_FIXTURE_TEST_CASE(an_interface_that_is_made_anew_is_used_again, Wire) {
    add(host4).interface = "out0";
    start();
    BOOST_REQUIRE(comes_to(0, CheckState::up));
    run("ip link del out0"); // its other end goes with it
    BOOST_TEST(comes_to(0, CheckState::down));
    run("ip link add out0 type veth peer name peer1");
    run("ip link set peer1 netns /proc/" + std::to_string(::getpid()) + "/fd/" +
        std::to_string(host_space.descriptor()));
    run("ip address add 10.77.0.1/24 dev out0");
    run("ip link set out0 up");
    on_host("ip address add 10.77.0.9/24 dev peer1");
    on_host("ip link set peer1 up");
    BOOST_TEST(comes_to(0, CheckState::up));
}

BOOST_FIXTURE_TEST_CASE(an_operator_starts_and_stops, Wire) {
    add(host4).auto_start = config::AutoStart::no;
    start();
    BOOST_TEST((checks->state(0) == CheckState::stopped));
    BOOST_TEST(checks->start_one(0));
    BOOST_TEST(!checks->start_one(0));
    BOOST_TEST(comes_to(0, CheckState::up));
    BOOST_TEST(checks->stop_one(0));
    BOOST_TEST(!checks->stop_one(0));
    const std::uint64_t asked = checks->line(0).asked;
    io.restart();
    io.run_for(std::chrono::milliseconds{50});
    BOOST_TEST(checks->line(0).asked == asked);
}

BOOST_FIXTURE_TEST_CASE(many_targets_from_one_socket, Wire) {
    for (int i = 0; i < 2000; ++i) {
        config::CheckSettings& check = add(i % 2 == 0 ? host4 : host6);
        check.interval = std::chrono::milliseconds{500};
        check.timeout = std::chrono::milliseconds{3000};
    }
    start();
    for (std::size_t i = 0; i < settings.size(); ++i)
        BOOST_REQUIRE(comes_to(i, CheckState::up));
    on_host(deaf4);
    for (std::size_t i = 0; i < settings.size(); i += 2)
        BOOST_REQUIRE(comes_to(i, CheckState::down));
    BOOST_TEST(told.size() == 1000U);
}

BOOST_AUTO_TEST_SUITE_END()
