// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/nfqueue/program.hh"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace tandem::nfqueue {
namespace {

constexpr std::size_t output_max = 1 << 20;

struct Pipe {
    int read{-1};
    int write{-1};
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
            read = ends[0];
            write = ends[1];
        }
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_end(read);
        close_end(write);
    }
    static void close_end(int& end) {
        if (end >= 0)
            ::close(end);
        end = -1;
    }
};

std::string find(const std::string& name) {
    for (const char* directory : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"})
        if (const std::string path = directory + name; ::access(path.c_str(), X_OK) == 0)
            return path;
    return {};
}

void collect(Pipe& output, Pipe& errors, ProgramResult& result) {
    std::array<char, 4096> buffer{};
    while (output.read >= 0 || errors.read >= 0) {
        std::array<pollfd, 2> ready{{{output.read, POLLIN, 0}, {errors.read, POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR)
            return;
        for (std::size_t i = 0; i < ready.size(); ++i) {
            if (ready[i].fd < 0 || ready[i].revents == 0)
                continue;
            Pipe& pipe = i == 0 ? output : errors;
            std::string& text = i == 0 ? result.output : result.errors;
            const ssize_t length = ::read(pipe.read, buffer.data(), buffer.size());
            if (length <= 0)
                Pipe::close_end(pipe.read);
            else if (text.size() < output_max)
                text.append(buffer.data(), static_cast<std::size_t>(length));
        }
    }
}

} // namespace

ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& input) {
    ProgramResult result;
    const std::string path = arguments.empty() ? std::string{} : find(arguments.front());
    if (path.empty()) {
        result.errors = (arguments.empty() ? std::string{"program"} : arguments.front()) + ": not installed";
        return result;
    }
    Pipe in;
    Pipe out;
    Pipe err;
    if (in.read < 0 || out.read < 0 || err.read < 0) {
        result.errors = std::string("cannot make a pipe: ") + std::strerror(errno);
        return result;
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.read, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out.write, 1);
    ::posix_spawn_file_actions_adddup2(&actions, err.write, 2);
    // The child must be stoppable although the caller blocks its own signals.
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

    std::vector<char*> argv;
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    std::array<char*, 1> environment{nullptr};
    pid_t child = -1;
    const int error =
        ::posix_spawn(&child, path.c_str(), &actions, &attributes, argv.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    Pipe::close_end(in.read);
    Pipe::close_end(out.write);
    Pipe::close_end(err.write);
    if (error != 0) {
        result.errors = path + ": " + std::strerror(error);
        return result;
    }
    // It fits the pipe, so this does not wait for a child that does not read.
    if (!input.empty() && ::write(in.write, input.data(), input.size()) < 0)
        result.errors = path + ": does not read its input";
    Pipe::close_end(in.write);
    collect(out, err, result);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
}

} // namespace tandem::nfqueue
