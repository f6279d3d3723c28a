// SPDX-License-Identifier: GPL-3.0-or-later
// Programs below the launcher, on a real kernel. As root, so that there is something to give up.

#include "control/spawn/spawner.hh"

#include <boost/test/unit_test.hpp>

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <sstream>

using namespace tandem;
using namespace std::chrono_literals;
using How = spawn::Ended::How;

namespace {

/// A command line of a process, with blanks between its words.
std::string command_of(const std::string& pid) {
    std::ifstream file{"/proc/" + pid + "/cmdline"};
    std::stringstream text;
    text << file.rdbuf();
    std::string out = text.str();
    std::ranges::replace(out, '\0', ' ');
    return out;
}

/// How many processes have `mark` among their words.
std::size_t count_processes(const std::string& mark) {
    std::size_t count = 0;
    DIR* folder = ::opendir("/proc");
    while (const dirent* entry = ::readdir(folder))
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            count += command_of(entry->d_name).find(mark) != std::string::npos;
    ::closedir(folder);
    return count;
}

struct Bench {
    boost::asio::io_context io;
    spawn::Settings settings{TANDEM_RUN, 8, 256, 200ms};
    std::unique_ptr<spawn::Spawner> spawner = std::make_unique<spawn::Spawner>(io, settings);

    /// Runs the loop until `done`, within a deadline.
    bool until(const std::function<bool()>& done, std::chrono::milliseconds limit = 20s) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (!done() && std::chrono::steady_clock::now() < deadline) {
            io.restart();
            io.run_for(5ms);
        }
        return done();
    }
    static spawn::Order script(std::string text, std::chrono::milliseconds timeout = 15s) {
        spawn::Order order;
        order.script = std::move(text);
        order.user = "nobody";
        order.timeout = timeout;
        return order;
    }
    static spawn::Order program(std::vector<std::string> argv) {
        spawn::Order order;
        order.argv = std::move(argv);
        order.user = "nobody";
        return order;
    }
    spawn::Ended run(spawn::Order order) {
        std::optional<spawn::Ended> ended;
        spawner->start(std::move(order), [&](spawn::Ended e) { ended = std::move(e); });
        BOOST_REQUIRE(until([&] { return ended.has_value(); }));
        return *ended;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(spawner)

BOOST_FIXTURE_TEST_CASE(a_program_ends_with_its_status_and_output, Bench) {
    const auto well = run(program({"/bin/echo", "$(id)", "a b", "`x`;y", "*"}));
    BOOST_TEST(well.succeeded());
    BOOST_TEST(well.output == "$(id) a b `x`;y *\n"); // no shell saw it
    BOOST_TEST((well.took > 0us && well.took < 10s));
    const auto ill = run(script("echo out; echo err >&2; exit 7"));
    BOOST_TEST((ill.how == How::exited && ill.status == 7));
    BOOST_TEST(ill.output == "out\nerr\n");
    const auto hit = run(script("kill -9 $$"));
    BOOST_TEST((hit.how == How::signalled && hit.status == 9));
    BOOST_TEST(spawn::to_sentence(hit) == "ended by signal 9");
}

BOOST_FIXTURE_TEST_CASE(a_script_may_name_its_interpreter, Bench) {
    const auto ended = run(script("#!/usr/bin/env -S awk -f\nBEGIN { print 6 * 7 }\n"));
    BOOST_TEST(ended.output == "42\n");
    auto order = script("echo \"$#:$1\"");
    order.argv = {"$(two) `three`"};
    BOOST_TEST(run(order).output == "1:$(two) `three`\n");
}

BOOST_FIXTURE_TEST_CASE(it_reads_what_it_is_given, Bench) {
    auto order = program({"/bin/cat"});
    order.input = std::string(200'000, 'x');
    order.output_max = 300'000;
    BOOST_TEST(run(order).output == order.input);
    order.input.clear();
    BOOST_TEST(run(order).output.empty());
}

BOOST_FIXTURE_TEST_CASE(it_has_given_everything_up, Bench) {
    ::setenv("TANDEM_SECRET", "leaked", 1);
    ::setpriority(PRIO_PROCESS, 0, -5);
    const int leak = ::dup(1); // not closed on exec
    auto order = script("env | sort; id -un; id -Gn; umask; pwd; ulimit -c; ls /proc/self/fd | wc -l\n"
                        "grep -E '^(Cap|NoNewPrivs|SigBlk|SigIgn)' /proc/self/status\n"
                        "cat /proc/self/stat | cut -d' ' -f 19\n"
                        "ps -o pid=,pgid=,sid=,cls= -p $$");
    order.environment = {"TANDEM_GROUP=sbc", "LD_PRELOAD=/no/such", "PATH=/bin:/usr/bin"};
    const std::string output = run(order).output;
    ::setpriority(PRIO_PROCESS, 0, 0);
    ::close(leak);
    BOOST_TEST_CONTEXT(output) {
        BOOST_TEST(output.find("TANDEM_GROUP=sbc\n") != std::string::npos);
        BOOST_TEST(output.find("PATH=/bin:/usr/bin\n") != std::string::npos);
        BOOST_TEST(output.find("LANG=C.UTF-8\n") != std::string::npos);
        BOOST_TEST(output.find("TANDEM_SECRET") == std::string::npos);
        BOOST_TEST(output.find("\nnobody\n") != std::string::npos);
        BOOST_TEST(output.find("\nnogroup\n") != std::string::npos);
        BOOST_TEST(output.find("\n0077\n/\n0\n") != std::string::npos);
        BOOST_TEST(output.find("CapEff:\t0000000000000000") != std::string::npos);
        BOOST_TEST(output.find("CapPrm:\t0000000000000000") != std::string::npos);
        BOOST_TEST(output.find("NoNewPrivs:\t1") != std::string::npos);
        BOOST_TEST(output.find("SigBlk:\t0000000000000000") != std::string::npos);
        BOOST_TEST(output.find("SigIgn:\t0000000000000000") != std::string::npos);
        // Its own session and group, ordinary scheduling.
        std::istringstream last{output.substr(output.rfind('\n', output.size() - 2) + 1)};
        int pid = 0, group = 0, session = 0;
        std::string scheduling;
        last >> pid >> group >> session >> scheduling;
        BOOST_TEST((pid > 0 && pid == group && pid == session));
        BOOST_TEST(scheduling == "TS");
    }
}

BOOST_FIXTURE_TEST_CASE(only_three_descriptors_and_the_script_itself, Bench) {
    const int leak = ::dup(1);
    BOOST_TEST(run(program({"/bin/ls", "/proc/self/fd"})).output == "0\n1\n2\n3\n"); // 3: ls reads the folder
    ::close(leak);
}

BOOST_FIXTURE_TEST_CASE(root_is_root_without_its_powers, Bench) {
    auto order = script("id -un; grep CapEff /proc/self/status");
    order.user = "root";
    BOOST_TEST(run(order).output == "root\nCapEff:\t0000000000000000\n");
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_started_says_so, Bench) {
    const auto missing = run(program({"/no/such/program"}));
    BOOST_TEST((missing.how == How::not_started));
    BOOST_TEST(missing.trouble == "its execution failed: No such file or directory");
    auto stranger = program({"/bin/true"});
    stranger.user = "no-such-user-here";
    BOOST_TEST(run(stranger).trouble == "there is no user no-such-user-here");
    stranger.user.clear();
    BOOST_TEST((run(stranger).how == How::not_started));
    BOOST_TEST((run(program({"true"})).how == How::not_started)); // no search
    spawner = std::make_unique<spawn::Spawner>(io, spawn::Settings{"/no/such/launcher", 8, 256, 200ms});
    BOOST_TEST(run(program({"/bin/true"})).trouble.find("/no/such/launcher") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(the_time_out_ends_all_of_it, Bench) {
    const std::string mark = "31415" + std::to_string(::getpid());
    // Deaf to SIGTERM, with a child, with a child that has left for another session, and one of that.
    const auto ended = run(script("trap '' TERM; sleep " + mark +
                                      " &\n"
                                      "setsid sh -c 'trap \"\" TERM; setsid sleep " +
                                      mark + " & sleep " + mark +
                                      "' &\n"
                                      "echo ready; while :; do sleep 0.1; done",
                                  700ms));
    BOOST_TEST((ended.how == How::timed_out));
    BOOST_TEST(ended.output == "ready\n");
    BOOST_TEST((ended.took >= 700ms && ended.took < 5s));
    BOOST_TEST(count_processes(mark) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_polite_program_may_tidy_up, Bench) {
    const auto ended =
        run(script("trap 'echo tidy; exit 0' TERM; echo ready; while :; do sleep 0.02; done", 300ms));
    BOOST_TEST((ended.how == How::timed_out));
    BOOST_TEST(ended.output.ends_with("tidy\n"));
}

BOOST_FIXTURE_TEST_CASE(nothing_outlives_a_program_that_ended, Bench) {
    const std::string mark = "27182" + std::to_string(::getpid());
    const auto ended = run(script("setsid sleep " + mark + " & sleep " + mark + " & exit 0"));
    BOOST_TEST(ended.succeeded());
    BOOST_TEST(count_processes(mark) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_flood_is_cut_and_costs_little, Bench) {
    auto order = script("yes", 500ms);
    order.output_max = 10'000;
    const auto ended = run(order);
    BOOST_TEST((ended.how == How::timed_out));
    BOOST_TEST(ended.output.size() == 10'000U);
    BOOST_TEST(ended.output_cut);
    // More than the bound, but an end: it is not disturbed.
    order = script("head -c 300000 /dev/zero; echo >&2; exit 3");
    const auto much = run(order);
    BOOST_TEST((much.how == How::exited && much.status == 3 && much.output_cut));
}

BOOST_FIXTURE_TEST_CASE(no_more_than_allowed_at_once, Bench) {
    settings.running_max = 2;
    settings.waiting_max = 3;
    spawner = std::make_unique<spawn::Spawner>(io, settings);
    std::vector<int> order;
    std::size_t refused = 0;
    for (int i = 0; i < 6; ++i)
        spawner->start(script("sleep 0.1"), [&, i](const spawn::Ended& ended) {
            refused += ended.how == How::not_started;
            if (ended.succeeded())
                order.push_back(i);
        });
    BOOST_TEST(spawner->running() == 2U);
    BOOST_TEST(spawner->waiting() == 3U);
    BOOST_REQUIRE(until([&] { return order.size() + refused == 6; }));
    BOOST_TEST(refused == 1U);
    std::ranges::sort(order);
    BOOST_TEST((order == std::vector<int>{0, 1, 2, 3, 4}));
}

BOOST_FIXTURE_TEST_CASE(cancelled_while_it_waits_starts_or_runs, Bench) {
    settings.running_max = 1;
    spawner = std::make_unique<spawn::Spawner>(io, settings);
    std::vector<How> hows;
    const auto tell = [&](const spawn::Ended& ended) { hows.push_back(ended.how); };
    const auto first = spawner->start(script("sleep 60"), tell);
    const auto second = spawner->start(script("sleep 60"), tell);
    spawner->cancel(second);
    spawner->cancel(first); // it is only being started
    BOOST_REQUIRE(until([&] { return hows.size() == 2; }));
    BOOST_TEST((hows[0] == How::cancelled && hows[1] == How::cancelled));
    const auto third = spawner->start(script("sleep 60"), tell);
    BOOST_REQUIRE(!until([&] { return hows.size() == 3; }, 200ms));
    spawner->cancel(third);
    BOOST_REQUIRE(until([&] { return hows.size() == 3; }));
    BOOST_TEST((hows[2] == How::cancelled));
    spawner->cancel(third);
    spawner->cancel(4711);
}

/// The brain dies without a word: what it had started goes with it.
BOOST_FIXTURE_TEST_CASE(a_brain_that_dies_leaves_nothing, Bench) {
    const std::string mark = "16180" + std::to_string(::getpid());
    spawner.reset();
    io.notify_fork(boost::asio::io_context::fork_prepare);
    const pid_t brain = ::fork();
    if (brain == 0) {
        boost::asio::io_context loop;
        spawn::Spawner own{loop, settings};
        own.start(script("trap '' TERM; setsid sleep " + mark + " & sleep " + mark), [](const auto&) {});
        loop.run_for(30s);
        ::_exit(0);
    }
    BOOST_REQUIRE(until([&] { return count_processes("sleep " + mark) >= 2; }));
    ::kill(brain, SIGKILL);
    ::waitpid(brain, nullptr, 0);
    BOOST_TEST(until([&] { return count_processes(mark) == 0; }));
}

BOOST_AUTO_TEST_SUITE_END()
