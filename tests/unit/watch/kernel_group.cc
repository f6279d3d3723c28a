// SPDX-License-Identifier: GPL-3.0-or-later
// All monitors of a group on the service's loop.

#include "control/watch/watch.hh"
#include "tests/unit/watch/responder.hh"

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace tandem;
using namespace tandem::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;
using watch::State;

namespace {

struct Service : World {
    Service() {
        BOOST_REQUIRE(netlink::set_up_shadow(setup()).has_value());
        settle(*this);
        settle(vip4);
        config.name = "voice";
        config.interface = "out0";
        config.vips = {{vip4, 24}};
        config.watch.server = config::Monitor::off;
        config.watch.server_interval = milliseconds{50};
        config.watch.server_timeout = milliseconds{40};
        config.watch.witness_interval = milliseconds{20};
        config.watch.rise = milliseconds{100};
        facts.vip_outside = {false};
    }
    /// Begins as active or as standby; the facts are as that role wants them.
    watch::Group& start(bool active = false) {
        facts.active = active;
        facts.vip_outside = {active};
        group.emplace(io, config, interface("out0").index,
                      watch::Handlers{.facts = [this] { return facts; },
                                      .input = [this](const ha::Input& input) { take(input); },
                                      .lacks =
                                          [this](std::uint8_t now) {
                                              lacks = now;
                                              ++calls;
                                          },
                                      .change =
                                          [this](const watch::Change& change) {
                                              changes.push_back(change.code);
                                              ++calls;
                                          },
                                      .repair =
                                          [this] {
                                              ++repairs;
                                              ++calls;
                                          }},
                      std::vector<std::string>{"path0"}, inside);
        group->start();
        return *group;
    }
    void take(const ha::Input& input) {
        ++calls;
        if (const auto* health = std::get_if<ha::Health>(&input))
            score = health->score;
        else if (const auto* told = std::get_if<ha::Service>(&input))
            service = *told;
        else if (const auto* seen = std::get_if<ha::Witness>(&input))
            reachable = seen->reachable;
        else if (std::holds_alternative<ha::Proof>(input))
            ++proofs;
        else
            BOOST_ERROR("an input that no monitor gives");
    }
    /// Runs the loop until the condition holds.
    bool await(const std::function<bool()>& condition, milliseconds limit = patience) {
        return eventually(
            [&] {
                for (Responder* server : served)
                    server->serve();
                io.poll();
                io.restart();
                return condition();
            },
            limit);
    }
    /// Runs the loop for a while.
    void pass(milliseconds time) {
        await([] { return false; }, time);
    }
    bool told(const std::string& code) const { return std::ranges::find(changes, code) != changes.end(); }
    State state(const std::string& monitor) const {
        const auto lines = group->lines();
        const auto found = std::ranges::find(lines, monitor, &watch::Line::monitor);
        BOOST_REQUIRE(found != lines.end());
        return found->state;
    }
    void on_host(const std::string& command) const {
        const Inside host(host_space);
        run(command);
    }

    boost::asio::io_context io;
    config::Group config;
    watch::Facts facts;
    std::optional<watch::Group> group;
    std::string inside; ///< of an appliance
    std::vector<Responder*> served;

    std::uint16_t score{ha::score_max};
    ha::Service service;
    std::optional<bool> reachable;
    std::uint8_t lacks{0};
    std::vector<std::string> changes;
    unsigned repairs{0};
    unsigned proofs{0};
    unsigned calls{0};
};

/// A process that waits, known by a pid file.
struct Server {
    Server()
        : file(std::filesystem::temp_directory_path() /
               ("tandem-group-" + std::to_string(::getpid()) + ".pid")) {}
    ~Server() {
        end();
        std::filesystem::remove(file);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    void begin() {
        pid = ::fork();
        if (pid == 0) {
            ::pause();
            ::_exit(0);
        }
        BOOST_REQUIRE_GT(pid, 0);
        std::ofstream(file) << pid << "\n";
    }
    void end() {
        if (pid > 0) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
        pid = -1;
    }
    std::filesystem::path file;
    pid_t pid{-1};
};

} // namespace

BOOST_AUTO_TEST_SUITE(group)

BOOST_FIXTURE_TEST_CASE(everything_off_says_nothing, Service) {
    start(true);
    facts.arrived = 0;
    pass(milliseconds{700});
    BOOST_CHECK_EQUAL(calls, 0U);
    const auto lines = group->lines();
    BOOST_CHECK_EQUAL(lines.size(), 7U);
    BOOST_CHECK(std::ranges::all_of(lines, [](const watch::Line& l) { return l.state == State::off; }));
    BOOST_CHECK(group->silence_period() == seconds{0});
}

BOOST_FIXTURE_TEST_CASE(a_server_that_is_away_is_a_lack_at_once_and_well_again_at_once, Service) {
    config.watch.server = config::Monitor::on;
    start();
    BOOST_CHECK(await([&] { return lacks == ha::lack_server && score == 0; }));
    BOOST_CHECK(told("server.silent"));
    BOOST_CHECK(state("server") == State::failed);
    Responder server(vip4, 5060);
    served = {&server};
    BOOST_CHECK(await([&] { return lacks == 0; }));
    BOOST_CHECK(told("server.answering"));
    BOOST_CHECK_EQUAL(score, 0); // believed only after it was well for a while
    BOOST_CHECK(await([&] { return score == ha::score_max; }));
    served.clear(); // it hangs
    BOOST_CHECK(await([&] { return lacks == ha::lack_server && score == 0; }));
    BOOST_CHECK(state("server") == State::failed);
}

BOOST_FIXTURE_TEST_CASE(the_death_of_the_process_is_told_before_anything_else, Service) {
    Server server;
    server.begin();
    config.watch.process = config::Monitor::on;
    config.watch.process_match = server.file;
    start(true);
    BOOST_CHECK(state("process") == State::ok);
    BOOST_CHECK_EQUAL(score, ha::score_max);
    server.end();
    BOOST_CHECK(await([&] { return score == 0; }));
    BOOST_CHECK(!service.working);
    BOOST_CHECK(service.patience == config.watch.alternate);
    BOOST_CHECK(told("process.ended"));
    BOOST_CHECK(state("process") == State::failed);
    server.begin();
    BOOST_CHECK(await([&] { return service.working; }));
    BOOST_CHECK(told("process.restored"));
    BOOST_CHECK(await([&] { return score == ha::score_max; }));
    server.end(); // and again
    BOOST_CHECK(await([&] { return score == 0 && !service.working; }));
    BOOST_CHECK_EQUAL(std::ranges::count(changes, "process.ended"), 2);
}

BOOST_FIXTURE_TEST_CASE(a_listener_that_cannot_bind_is_degraded_and_alternates_only_while_active, Service) {
    config.watch.listener = config::Monitor::on;
    start();
    BOOST_CHECK(state("listener") == State::degraded);
    BOOST_CHECK_EQUAL(score, 0);
    BOOST_CHECK(service.working); // nothing is to be served on a standby
    BOOST_CHECK(told("listener.failed"));
    group->on_role(true);
    BOOST_CHECK(!service.working);
    group->on_role(false);
    BOOST_CHECK(service.working);
    group->on_role(true);
    const Responder server(vip4, 5060);
    BOOST_CHECK(await([&] { return service.working && score == ha::score_max; }));
    BOOST_CHECK(told("listener.restored"));
    BOOST_CHECK(state("listener") == State::ok);
}

BOOST_FIXTURE_TEST_CASE(the_end_of_the_process_makes_the_listener_look, Service) {
    Server server;
    server.begin();
    std::optional<Responder> socket;
    socket.emplace(vip4, 5060);
    config.watch.process = config::Monitor::on;
    config.watch.process_match = server.file;
    config.watch.listener = config::Monitor::on;
    start(true);
    BOOST_CHECK(state("listener") == State::ok);
    socket.reset();
    server.end();
    BOOST_CHECK(await([&] { return told("process.ended"); }));
    BOOST_CHECK(told("listener.failed")); // in the same breath
}

BOOST_FIXTURE_TEST_CASE(isolation_and_its_end, Service) {
    config.watch.witnesses = {host4, host6};
    start();
    BOOST_CHECK(await([&] { return reachable == true; }));
    on_host("ip link set peer0 down");
    BOOST_CHECK(await([&] { return reachable == false; }));
    BOOST_CHECK(told("witness.lost"));
    on_host("ip link set peer0 up");
    BOOST_CHECK(await([&] { return reachable == true; }, milliseconds{15000}));
    BOOST_CHECK(told("witness.restored"));
}

BOOST_FIXTURE_TEST_CASE(a_witness_survives_that_its_interface_is_made_anew, Service) {
    config.watch.witnesses = {host4};
    start();
    BOOST_CHECK(await([&] { return reachable == true; }));
    run("ip link del out0");
    BOOST_CHECK(await([&] { return reachable == false; }));
    run("ip link add out0 type veth peer name peer0 && ip link set peer0 netns /proc/" +
        std::to_string(::getpid()) + "/fd/" + std::to_string(host_space.descriptor()) +
        " && ip link set out0 up && ip addr add 10.77.0.1/24 dev out0");
    on_host("ip link set peer0 up && ip addr add 10.77.0.9/24 dev peer0");
    BOOST_CHECK(await([&] { return reachable == true; }, milliseconds{15000}));
}

BOOST_FIXTURE_TEST_CASE(a_vip_that_went_is_repaired_at_once_then_an_alarm, Service) {
    config.watch.vip = config::Monitor::on;
    start(true);
    pass(milliseconds{600});
    BOOST_CHECK(state("vip") == State::ok);
    facts.vip_outside = {false};
    group->look_now(); // what the service knows is not left to the next round
    BOOST_CHECK_EQUAL(repairs, 1U);
    BOOST_CHECK(told("vip.lost"));
    BOOST_CHECK(state("vip") == State::repairing);
    BOOST_CHECK(await([&] { return state("vip") == State::degraded; }));
    BOOST_CHECK_GE(repairs, 2U);
    BOOST_CHECK_EQUAL(score, ha::score_max); // an alarm is no failure yet
    BOOST_CHECK(await([&] { return score == 700; }, milliseconds{8000}));
    BOOST_CHECK(state("vip") == State::failed);
    facts.vip_outside = {true};
    BOOST_CHECK(await([&] { return told("vip.restored") && score == ha::score_max; }));
}

BOOST_FIXTURE_TEST_CASE(a_change_of_role_is_no_misplaced_vip, Service) {
    config.watch.vip = config::Monitor::on;
    start(false);
    pass(milliseconds{600});
    group->on_role(true); // the address follows
    pass(milliseconds{250});
    facts.vip_outside = {true};
    pass(milliseconds{500});
    BOOST_CHECK_EQUAL(repairs, 0U);
    BOOST_CHECK(state("vip") == State::ok);
}

BOOST_FIXTURE_TEST_CASE(ports, Service) {
    run("ip link add path0 type veth peer name path1 && ip link set path0 up && ip link set path1 up");
    run("ip link add manage0 type veth peer name manage1 && ip link set manage0 up && ip link set manage1 "
        "up");
    config.watch.nic = config::Monitor::on;
    config.watch.management_interface = "manage0";
    start();
    BOOST_CHECK(await([&] { return state("nic") == State::ok && score == ha::score_max; }));
    changes.clear();
    run("ip link set manage1 down");
    BOOST_CHECK(await([&] { return told("nic.failed"); }));
    BOOST_CHECK(state("nic") == State::degraded);
    BOOST_CHECK_EQUAL(score, ha::score_max);
    run("ip link set path1 down");
    BOOST_CHECK(await([&] { return std::ranges::count(changes, "nic.failed") == 2; }));
    BOOST_CHECK(state("nic") == State::degraded);
    BOOST_CHECK_EQUAL(score, ha::score_max); // moving the service does not mend a link between the nodes
    run("ip link set path1 up && ip link set manage1 up");
    BOOST_CHECK(await([&] { return state("nic") == State::ok; }));
    BOOST_CHECK_EQUAL(std::ranges::count(changes, "nic.restored"), 2);
    facts.carrier = false; // the service knows it before the next look
    group->look_now();
    BOOST_CHECK(state("nic") == State::failed);
    BOOST_CHECK_EQUAL(score, 700);
    facts.carrier = true;
    BOOST_CHECK(await([&] { return state("nic") == State::ok && score == ha::score_max; }));
}

BOOST_FIXTURE_TEST_CASE(traffic_that_ends_and_returns, Service) {
    perform(netlink::Transition::rise);
    std::optional<Responder> endpoint;
    {
        const Inside host(host_space);
        endpoint.emplace(host4, 5060);
    }
    config.watch.traffic = config::Monitor::on;
    config.watch.endpoints = {{.name = "trunk",
                               .address = host4,
                               .port = 5060,
                               .oos_check = seconds{0},
                               .oos_force = seconds{1}}}; // counts as 5
    served = {&*endpoint};
    start(true);
    BOOST_CHECK(group->silence_period() == seconds{5});
    BOOST_CHECK(await([&] { return proofs > 0; }));
    BOOST_CHECK(state("traffic") == State::ok);
    served.clear();
    BOOST_CHECK(await([&] { return !service.working; }, milliseconds{9000}));
    BOOST_CHECK(service.patience == seconds{5});
    BOOST_CHECK(told("traffic.unavailable"));
    BOOST_CHECK_EQUAL(score, ha::score_max);
    ++facts.arrived; // a phone
    BOOST_CHECK(await([&] { return service.working; }));
    BOOST_CHECK(told("traffic.running"));
}

BOOST_FIXTURE_TEST_CASE(what_arrives_proves_service_once_a_second_and_only_where_somebody_answers, Service) {
    config.watch.listener = config::Monitor::on;
    start(true);
    BOOST_REQUIRE(!service.working);
    ++facts.arrived;
    pass(milliseconds{1200});
    BOOST_CHECK_EQUAL(proofs, 0U);
    const Responder server(vip4, 5060);
    BOOST_CHECK(await([&] { return service.working; }));
    ++facts.arrived;
    BOOST_CHECK(await([&] { return proofs == 1; }));
    ++facts.arrived;
    pass(milliseconds{600}); // one look later, but not one second
    BOOST_CHECK_EQUAL(proofs, 1U);
    group->on_role(false);
    ++facts.arrived;
    pass(milliseconds{1200});
    BOOST_CHECK_EQUAL(proofs, 1U);
}

BOOST_FIXTURE_TEST_CASE(after_stop_nothing_is_said, Service) {
    Server server;
    server.begin();
    config.watch.process = config::Monitor::on;
    config.watch.process_match = server.file;
    config.watch.server = config::Monitor::on;
    config.watch.witnesses = {host4};
    start(true);
    BOOST_CHECK(await([&] { return reachable == true; }));
    server.end(); // its end is waiting to be read
    facts.vip_outside = {false};
    group->stop();
    const unsigned before = calls;
    pass(milliseconds{300});
    group->on_role(false);
    BOOST_CHECK_EQUAL(calls, before);
    group.reset();
    pass(milliseconds{100});
    BOOST_CHECK_EQUAL(calls, before);
}

namespace {

/// An appliance: the wire is the inside network, the host has the server, and this node has the VIP as well.
struct Appliance : Service {
    Appliance() {
        on_host("ip addr add 10.77.0.100/32 dev lo && ip link set lo up");
        config.watch.server = config::Monitor::on;
        config.forwarding = contract::Forwarding::transparent;
        config.servers = {host4};
        inside = "out0";
    }
    Responder server_at(const wire::IpAddress& address) const {
        const Inside host(host_space);
        return Responder(address, 5060);
    }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(the_server_behind_an_appliance_is_asked_at_the_vip, Appliance) {
    // Whoever asked this node's own kernel would get an answer from here.
    Responder decoy(vip4, 5060);
    served = {&decoy};
    start(true);
    BOOST_CHECK(await([&] { return state("server") == State::failed; }));
    BOOST_CHECK(lacks == ha::lack_server);
    auto server = server_at(vip4); // it listens nowhere else
    served.push_back(&server);
    BOOST_CHECK(await([&] { return state("server") == State::ok; }));
    served.pop_back();
    BOOST_CHECK(await([&] { return state("server") == State::failed; }));
    perform(netlink::Transition::rise); // the role makes no difference
    served.push_back(&server);
    BOOST_CHECK(await([&] { return state("server") == State::ok; }));
}

BOOST_FIXTURE_TEST_CASE(a_translated_server_is_asked_at_its_own_address, Appliance) {
    config.forwarding = contract::Forwarding::nat;
    auto server = server_at(host4);
    std::string asked;
    server.answer = [&](const std::string& question) {
        asked = question.substr(0, question.find("\r\n"));
        return ok_to(question);
    };
    served = {&server};
    start();
    BOOST_CHECK(await([&] { return state("server") == State::ok; }));
    BOOST_CHECK_EQUAL(asked, "OPTIONS sip:10.77.0.100 SIP/2.0");
    served.clear();
    BOOST_CHECK(await([&] { return state("server") == State::failed; }));
}

BOOST_FIXTURE_TEST_CASE(the_inside_port_of_an_appliance_counts, Appliance) {
    config.watch.server = config::Monitor::off;
    config.watch.nic = config::Monitor::on;
    run("ip link add in0 type veth peer name in1 && ip link set in1 up && ip link set in0 up");
    run("ip link add path0 type veth peer name path1 && ip link set path1 up && ip link set path0 up");
    inside = "in0";
    start();
    BOOST_CHECK(await([&] { return state("nic") == State::ok; }));
    run("ip link set in1 down");
    BOOST_CHECK(await([&] { return score == ha::score_max - config.watch.nic_weight; }));
}

BOOST_AUTO_TEST_SUITE_END()
