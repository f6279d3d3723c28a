// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/spawn/birth.hh"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace tandem::spawn {
namespace {
using watch::Descriptor;

/// Above those that the child gets, so that putting one in place never overwrites another.
constexpr int above = 16;

Descriptor lifted(int fd) {
    Descriptor low{fd};
    return Descriptor{fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, above)};
}

/// A text as a file that nobody can change, at its beginning.
Descriptor file_of(const std::string& text) {
    Descriptor file{::memfd_create("tandem", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!file)
        return file;
    for (std::size_t done = 0; done < text.size();) {
        const auto count =
            ::pwrite(file.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (count <= 0)
            return Descriptor{};
        done += static_cast<std::size_t>(count);
    }
    ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    return lifted(::fcntl(file.get(), F_DUPFD_CLOEXEC, above));
}

Descriptor text_or_nothing(const std::string& text) {
    return text.empty() ? lifted(::open("/dev/null", O_RDONLY | O_CLOEXEC)) : file_of(text);
}

struct Pipe {
    Descriptor read;
    Descriptor write;
};

Pipe make_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return Pipe{Descriptor{}, Descriptor{}};
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return {Descriptor{ends[0]}, lifted(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (std::string& text : strings)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

std::string refusal(const Order& order) {
    if (order.user.empty())
        return "no user is given to run it as";
    if (order.script.empty() && (order.argv.empty() || !order.argv.front().starts_with('/')))
        return "the program must be given by its absolute path";
    for (const auto* list : {&order.argv, &order.environment})
        for (const std::string& text : *list)
            if (text.find('\0') != std::string::npos)
                return "a zero octet cannot be handed to a program";
    return {};
}

} // namespace

Born give_birth(const Settings& settings, const Order& order) {
    Born born;
    born.trouble = refusal(order);
    if (!born.trouble.empty())
        return born;
    const auto fail = [&](const std::string& what, int error) {
        return Born{Descriptor{}, Descriptor{}, Descriptor{}, what + ": " + std::strerror(error)};
    };
    const Descriptor input = text_or_nothing(order.input);
    const Descriptor script = text_or_nothing(order.script);
    Pipe output = make_pipe();
    Pipe report = make_pipe();
    if (!input || !script || !output.write || !report.write)
        return fail("no descriptors for a program", errno);

    std::vector<std::string> words{settings.launcher, std::to_string(::getpid()),
                                   std::to_string(settings.grace.count()), order.user};
    if (!order.script.empty())
        words.emplace_back("script");
    words.insert(words.end(), order.argv.begin(), order.argv.end());
    // Marked, so that what is meant for the program says nothing to the launcher and its loader.
    std::vector<std::string> variables;
    for (const std::string& variable : order.environment)
        variables.push_back("E:" + variable);
    const auto arguments = pointers(words);
    const auto environment = pointers(variables);

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    const std::array<int, 5> places{input.get(), output.write.get(), output.write.get(), script.get(),
                                    report.write.get()};
    for (std::size_t i = 0; i < places.size(); ++i)
        ::posix_spawn_file_actions_adddup2(&actions, places[i], static_cast<int>(i));
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, settings.launcher.c_str(), &actions, nullptr, arguments.data(),
                                    environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        return fail("the launcher " + settings.launcher + " cannot be started", error);
    born.process = Descriptor{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (!born.process) {
        const int why = errno;
        ::kill(pid, SIGTERM);
        ::waitpid(pid, nullptr, 0);
        return fail("the launcher cannot be watched", why);
    }
    born.output = std::move(output.read);
    born.report = std::move(report.read);
    return born;
}

} // namespace tandem::spawn
