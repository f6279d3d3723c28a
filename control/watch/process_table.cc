// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/process_table.hh"

#include "control/watch/process.hh"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <charconv>
#include <climits>
#include <memory>
#include <string_view>
#include <vector>

namespace tandem::watch {

namespace {

/// The beginning of a file, without waiting for it; empty when it cannot be read.
std::string beginning_of(const std::string& path, std::size_t size_max) {
    // A path from a file may be anything, a pipe included.
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::string text(size_max, '\0');
    const ssize_t length = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
    text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    return text;
}

/// Device and inode of a process's network namespace; nothing when it cannot be seen.
std::optional<std::pair<dev_t, ino_t>> network_of(const std::string& process) {
    struct stat status {};
    if (::stat((process + "/ns/net").c_str(), &status) != 0)
        return std::nullopt;
    return std::pair{status.st_dev, status.st_ino};
}

std::optional<std::int32_t> find_by_program(const std::string& program) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
    if (!folder)
        return std::nullopt;
    const auto own_network = network_of("/proc/thread-self");
    std::vector<Candidate> candidates;
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        std::int32_t pid = 0;
        const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc{} || stop != name.data() + name.size())
            continue;
        const std::string process = "/proc/" + std::string(name);
        std::array<char, PATH_MAX> link;
        const ssize_t length = ::readlink((process + "/exe").c_str(), link.data(), link.size());
        if (length <= 0 || !is_program({link.data(), static_cast<std::size_t>(length)}, program) ||
            network_of(process) != own_network)
            continue;
        if (const auto candidate = read_stat(pid, beginning_of(process + "/stat", 1024)))
            candidates.push_back(*candidate);
    }
    return main_process(candidates);
}

} // namespace

std::optional<LiveProcess> find_process(const std::string& match) {
    auto pid = read_pid_file(beginning_of(match, 64));
    if (!pid && !match.ends_with(".pid"))
        pid = find_by_program(match);
    if (!pid)
        return std::nullopt;
    Descriptor fd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
    if (!fd)
        return std::nullopt;
    // A process that has ended and was not waited for still has its number.
    pollfd ended{.fd = fd.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, 0) != 0)
        return std::nullopt;
    return LiveProcess{.pid = *pid, .descriptor = std::move(fd)};
}

} // namespace tandem::watch
