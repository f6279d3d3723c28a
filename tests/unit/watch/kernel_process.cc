// SPDX-License-Identifier: GPL-3.0-or-later
// Finding a process and seeing its end.

#include "control/watch/process_table.hh"
#include "tests/unit/netlink/world.hh"

#include <boost/test/unit_test.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace tandem;
using namespace tandem::testing;
using watch::find_process;

namespace {

struct Folder {
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "tandem-watch-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name) << text;
        return (path / name).string();
    }
    /// A program of a name that nothing else runs: it waits.
    std::string program() const {
        std::filesystem::copy_file("/usr/bin/sleep", path / "sip-server");
        return (path / "sip-server").string();
    }
    std::filesystem::path path;
};

/// A child that waits until it is killed: this program, or another.
class Child {
public:
    explicit Child(const std::string& program = {}) {
        pid_ = ::fork();
        if (pid_ == 0) {
            if (!program.empty())
                ::execl(program.c_str(), program.c_str(), "600", nullptr);
            ::pause();
            ::_exit(0);
        }
        BOOST_REQUIRE_GT(pid_, 0);
    }
    ~Child() {
        kill();
        reap();
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    void kill() const {
        if (pid_ > 0)
            ::kill(pid_, SIGKILL);
    }
    void reap() {
        if (pid_ > 0)
            ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_{-1};
};

bool ended(const watch::LiveProcess& process, std::chrono::milliseconds limit) {
    pollfd waiting{.fd = process.descriptor.get(), .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, static_cast<int>(limit.count())) == 1;
}

} // namespace

BOOST_AUTO_TEST_SUITE(processes)

BOOST_FIXTURE_TEST_CASE(by_pid_file_and_its_end_is_seen, Folder) {
    Child child;
    const auto file = write("server.pid", std::to_string(child.pid()) + "\n");
    const auto found = find_process(file);
    BOOST_REQUIRE(found.has_value());
    BOOST_CHECK_EQUAL(found->pid, child.pid());
    BOOST_CHECK(!ended(*found, std::chrono::milliseconds{0}));
    child.kill();
    BOOST_CHECK(ended(*found, patience));
    BOOST_CHECK(!find_process(file)); // ended, and nobody has waited for it
    child.reap();
    BOOST_CHECK(!find_process(file)); // its number is free again
}

BOOST_FIXTURE_TEST_CASE(no_file_an_empty_one_and_one_of_nonsense, Folder) {
    BOOST_CHECK(!find_process((path / "absent.pid").string()));
    BOOST_CHECK(!find_process((path / "absent").string()));
    BOOST_CHECK(!find_process(write("empty.pid", "")));
    BOOST_CHECK(!find_process(write("words.pid", "running\n")));
    BOOST_CHECK(!find_process(write("huge.pid", std::string(1 << 16, '1'))));
    BOOST_CHECK(!find_process(path.string())); // a folder
    const auto pipe = (path / "pipe.pid").string();
    BOOST_REQUIRE_EQUAL(::mkfifo(pipe.c_str(), 0600), 0);
    BOOST_CHECK(!find_process(pipe)); // nobody writes into it, and nobody waits
}

BOOST_FIXTURE_TEST_CASE(by_program_also_after_an_update, Folder) {
    const auto file = program();
    BOOST_CHECK(!find_process(file));
    Child child(file);
    BOOST_REQUIRE(eventually([&] { return find_process(file).has_value(); }));
    BOOST_CHECK_EQUAL(find_process(file)->pid, child.pid());
    BOOST_CHECK(!find_process(file + "x"));
    std::filesystem::remove(file);
    BOOST_CHECK(find_process(file).has_value());
    const auto found = find_process(file);
    child.kill();
    BOOST_CHECK(ended(*found, patience));
    BOOST_CHECK(!find_process(file));
}

BOOST_FIXTURE_TEST_CASE(another_network_of_this_machine_has_its_own_server, Folder) {
    const auto file = program();
    const Namespace other;
    {
        const Inside there(other);
        Child child(file);
        BOOST_REQUIRE(eventually([&] { return find_process(file).has_value(); }));
        std::optional<watch::LiveProcess> seen;
        {
            const Namespace third;
            const Inside elsewhere(third);
            seen = find_process(file);
        }
        BOOST_CHECK(!seen.has_value());
    }
}

BOOST_AUTO_TEST_SUITE_END()
