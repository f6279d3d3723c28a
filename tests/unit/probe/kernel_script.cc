// SPDX-License-Identifier: GPL-3.0-or-later
// Checks that run programs.

#include "control/probe/probe.hh"
#include "control/probe/script_prober.hh"
#include "tests/unit/netlink/world.hh"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace tandem;
using namespace tandem::testing;
using namespace std::chrono_literals;
using probe::CheckState;

namespace {

struct Bench {
    std::string folder{"/tmp/tandem-script-XXXXXX"};
    boost::asio::io_context io;
    std::vector<probe::Checks::Named> list;
    std::vector<probe::CheckNews> told;
    std::unique_ptr<probe::Checks> checks;

    Bench() {
        BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
        std::filesystem::permissions(folder, std::filesystem::perms::all);
    }
    ~Bench() {
        checks.reset();
        std::filesystem::remove_all(folder);
    }
    config::CheckSettings& add(config::ScriptTarget target) {
        config::CheckSettings settings;
        settings.name = "check" + std::to_string(list.size());
        settings.target = std::move(target);
        settings.interval = 100ms;
        settings.timeout = 4s;
        settings.recover = 1;
        list.push_back({"group", settings});
        return list.back().settings;
    }
    void start() {
        checks = std::make_unique<probe::Checks>(
            io, list, [this](std::size_t, const probe::CheckNews& news) { told.push_back(news); },
            [this](const config::Target&, probe::Prober::Told to) {
                return probe::make_script_prober(io, std::move(to), TANDEM_RUN);
            });
        checks->start();
    }
    bool until(const std::function<bool()>& condition) {
        return eventually(
            [&] {
                io.restart();
                io.run_for(5ms);
                return condition();
            },
            20s);
    }
    bool comes_to(std::size_t check, CheckState state) {
        return until([&] { return checks->state(check) == state; });
    }
    std::string read(const std::string& name) const {
        std::ifstream file(folder + "/" + name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

config::ScriptTarget script(std::string text) {
    return {{}, std::move(text), "nobody"};
}

} // namespace

BOOST_AUTO_TEST_SUITE(scripts)

BOOST_FIXTURE_TEST_CASE(the_status_says_it, Bench) {
    add({{"/bin/true"}, "", "nobody"});
    add({{"/bin/sh", "-c", "exit 3"}, "", "nobody"});
    add(script("echo fine\necho 12 calls; echo\n"));
    add(script("echo first; printf 'disk \\033[31mfull\\007' >&2; exit 7\n"));
    add({{"/nosuch/program"}, "", "nobody"});
    start();
    BOOST_TEST(comes_to(0, CheckState::up));
    BOOST_TEST(checks->line(0).latency.has_value());
    BOOST_TEST(comes_to(1, CheckState::down));
    BOOST_TEST(checks->line(1).detail == "fails: exit status 3");
    BOOST_TEST(comes_to(2, CheckState::up));
    BOOST_TEST(until([&] { return checks->line(2).detail == "12 calls"; }));
    BOOST_TEST(comes_to(3, CheckState::down));
    BOOST_TEST(until([&] {
        return checks->line(3).detail == "fails: exit status 7: firstdisk ?[31mfull?" ||
               checks->line(3).detail == "fails: exit status 7: disk ?[31mfull?";
    }));
    BOOST_TEST(comes_to(4, CheckState::down));
    BOOST_TEST(checks->line(4).detail.starts_with("fails: "));
    BOOST_TEST_MESSAGE(checks->line(4).detail);
}

BOOST_FIXTURE_TEST_CASE(one_that_does_not_end_has_failed_and_is_ended, Bench) {
    // Each run says that it began; what it started says so as well, and must not outlive it.
    config::CheckSettings& check = add(script("echo x >> " + folder + "/began\n(sleep 3; echo x >> " +
                                              folder + "/outlived) &\nsleep 100\n"));
    check.timeout = 1s;
    check.retry = 1;
    start();
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(told.at(0).words == "does not end in time");
    // Ten questions a second, but never two runs at once.
    const std::uint64_t asked = checks->line(0).asked;
    BOOST_TEST(asked >= 10U);
    BOOST_TEST(read("began").size() <= 2U * 3U);
    const Bench& self = *this;
    const auto since = std::chrono::steady_clock::now();
    checks->stop_one(0);
    BOOST_TEST(until([&] { return std::chrono::steady_clock::now() - since > 4s; }));
    BOOST_TEST(self.read("outlived").empty());
}

BOOST_FIXTURE_TEST_CASE(it_fails_and_recovers, Bench) {
    add(script("test -e " + folder + "/well\n"));
    std::ofstream(folder + "/well") << "x";
    start();
    BOOST_TEST(comes_to(0, CheckState::up));
    std::filesystem::remove(folder + "/well");
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(told.at(0).words == "fails: exit status 1");
    std::ofstream(folder + "/well") << "x";
    BOOST_TEST(comes_to(0, CheckState::up));
    BOOST_TEST(told.at(1).words == "succeeds");
}

BOOST_AUTO_TEST_SUITE_END()
