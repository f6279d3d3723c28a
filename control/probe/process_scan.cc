// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/process_scan.hh"

#include "control/watch/descriptor.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <charconv>
#include <climits>
#include <string_view>

namespace tandem::probe {

std::string beginning_of(const std::string& path, std::size_t size_max) {
    // A path from a file may be anything, a pipe included.
    const watch::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::string text(size_max, '\0');
    const ssize_t length = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
    text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    return text;
}

ProcessScan::ProcessScan(const std::set<std::string>& programs)
    : folder_(::opendir("/proc"), ::closedir)
    , own_(network_of("/proc/thread-self")) {
    for (const std::string& program : programs)
        candidates_[program];
}

std::optional<ProcessScan::Network> ProcessScan::network_of(const std::string& process) {
    struct stat status {};
    if (::stat((process + "/ns/net").c_str(), &status) != 0)
        return std::nullopt;
    return std::pair{status.st_dev, status.st_ino};
}

bool ProcessScan::step(std::chrono::microseconds budget) {
    const auto end = std::chrono::steady_clock::now() + budget;
    constexpr int between = 16; // looks at the clock
    for (;;) {
        for (int i = 0; i < between; ++i) {
            const dirent* const entry = folder_ ? ::readdir(folder_.get()) : nullptr;
            if (entry == nullptr)
                return true;
            look_at(entry->d_name);
        }
        if (std::chrono::steady_clock::now() >= end)
            return false;
    }
}

void ProcessScan::look_at(std::string_view name) {
    std::int32_t pid = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || stop != name.data() + name.size())
        return;
    const std::string process = "/proc/" + std::string(name);
    std::array<char, PATH_MAX> link;
    const ssize_t length = ::readlink((process + "/exe").c_str(), link.data(), link.size());
    if (length <= 0)
        return;
    const std::string_view text{link.data(), static_cast<std::size_t>(length)};
    for (auto& [program, candidates] : candidates_) {
        if (!watch::is_program(text, program) || network_of(process) != own_)
            continue;
        if (const auto candidate = watch::read_stat(pid, beginning_of(process + "/stat", 1024)))
            candidates.push_back(*candidate);
    }
}

std::optional<std::int32_t> ProcessScan::found(const std::string& program) const {
    const auto known = candidates_.find(program);
    return known == candidates_.end() ? std::nullopt : watch::main_process(known->second);
}

} // namespace tandem::probe
