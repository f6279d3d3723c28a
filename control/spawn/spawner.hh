// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Foreign programs as children of the brain: scripts of checks, commands of actions.
//
// Problem: the brain's memory is locked and its threads are real-time; a child must inherit nothing of that,
// cost the loop no wait, and leave nothing behind. Idea: each program runs below a launcher (tandem-run, see
// run_main.cc), which is started without a copy of our memory, by a thread of its own with ordinary
// scheduling; the loop sees a pidfd, a pipe with the output, and at the end one line of how it went.
// Deliberately absent: what the program is for.

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tandem::spawn {

struct Settings {
    std::string launcher;                 ///< see find_launcher()
    std::size_t running_max{8};           ///< at once; more wait in their order
    std::size_t waiting_max{256};         ///< more are refused
    std::chrono::milliseconds grace{500}; ///< between SIGTERM and SIGKILL
};

/// What is to be run.
struct Order {
    std::vector<std::string> argv; ///< the program by its absolute path; of a script only its arguments
    std::string script;            ///< the text, where it is one; without "#!" it is /bin/sh's
    std::string user;              ///< whom it runs as; empty is refused
    std::vector<std::string> environment;      ///< NAME=VALUE, besides PATH, LANG, HOME, USER and LOGNAME
    std::string input;                         ///< its standard input
    std::chrono::milliseconds timeout{10'000}; ///< from its start, not from the order
    std::size_t output_max{16U * 1024};        ///< of both outputs together; the rest is thrown away
};

struct Ended {
    enum class How : std::uint8_t {
        exited,      ///< `status`: with this exit status
        signalled,   ///< `status`: by this signal
        timed_out,   ///< and was ended, with all that it had started
        cancelled,   ///< likewise
        not_started, ///< `trouble`: why
    };
    How how{How::not_started};
    int status{0};
    std::string output; ///< as it came: see printable()
    bool output_cut{false};
    std::chrono::microseconds took{0};
    std::string trouble; ///< a sentence without a full stop, or empty

    bool succeeded() const { return how == How::exited && status == 0; }
};

/// How it ended, for people: "exit status 3", "ended by signal 9", "timed out".
std::string to_sentence(const Ended& ended);

using JobId = std::uint64_t;

class Spawner {
public:
    Spawner(boost::asio::io_context& io, Settings settings);
    /// Ends what runs; nobody is told any more.
    ~Spawner();
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;

    /// `told` is called once, on the loop, never from within this call.
    JobId start(Order order, std::function<void(Ended)> told);
    /// It is told of as cancelled, once nothing of it is left. A job that has ended: nothing happens.
    void cancel(JobId job);

    std::size_t running() const;
    std::size_t waiting() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// Where tandem-run is: beside this program, or in ../lib/tandem from there; empty: in neither.
std::string find_launcher();

} // namespace tandem::spawn
