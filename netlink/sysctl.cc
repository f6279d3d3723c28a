// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/sysctl.hh"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace tandem::netlink {

namespace {

std::string path_of(std::string_view key) {
    return "/proc/sys/net/" + std::string(key);
}

} // namespace

std::string display_name(std::string_view key) {
    std::string name = "net.";
    for (const char c : key)
        name += c == '/' ? '.' : c == '.' ? '/' : c;
    return name;
}

std::optional<int> read_setting(std::string_view key) {
    const int fd = ::open(path_of(key).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return std::nullopt;
    std::array<char, 32> text{};
    const ssize_t length = ::read(fd, text.data(), text.size());
    ::close(fd);
    int value = 0;
    if (length <= 0 || std::from_chars(text.data(), text.data() + length, value).ec != std::errc{})
        return std::nullopt;
    return value;
}

std::expected<Setting, Error> want_setting(std::string_view key, int value) {
    if (read_setting(key) == value)
        return Setting::was_so;
    const std::string text = std::to_string(value);
    const auto refuse = [&](int code) {
        return std::unexpected(Error{code, "cannot set " + display_name(key) + " to " + text});
    };
    const int fd = ::open(path_of(key).c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse(errno);
    const ssize_t written = ::write(fd, text.data(), text.size());
    const int code = errno;
    ::close(fd);
    if (written != static_cast<ssize_t>(text.size()))
        return refuse(written < 0 ? code : EIO);
    return Setting::changed;
}

} // namespace tandem::netlink
