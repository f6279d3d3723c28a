// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/packet/namespaces.hh"

#include "tests/packet/cases.hh"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace packet_suite {

using namespace tandem;

SocketAddress socket_address(std::string_view text, std::uint16_t port) {
    SocketAddress result;
    const wire::IpAddress parsed = address(text);
    if (parsed.is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, parsed.octets.data(), 4);
        std::memcpy(&result.storage, &in, sizeof(in));
        result.length = sizeof(in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port);
        std::memcpy(&in.sin6_addr, parsed.octets.data(), 16);
        std::memcpy(&result.storage, &in, sizeof(in));
        result.length = sizeof(in);
    }
    return result;
}

int udp_socket(std::string_view local, std::uint16_t port) {
    const SocketAddress at = socket_address(local, port);
    const int descriptor = ::socket(at.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    BOOST_REQUIRE_MESSAGE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&at.storage), at.length) == 0,
                          "bind " << local << ": " << std::strerror(errno));
    return descriptor;
}

std::string output_of(const std::string& command) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    BOOST_REQUIRE(pipe != nullptr);
    std::string text;
    std::array<char, 4096> buffer{};
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
        text.append(buffer.data(), n);
    const int status = ::pclose(pipe);
    BOOST_REQUIRE_MESSAGE(status == 0, command << ": " << text);
    return text;
}

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

int in_namespace(const std::string& name, const std::function<int()>& make) {
    const int home = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    const int there = ::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    BOOST_REQUIRE(home >= 0);
    BOOST_REQUIRE(there >= 0);
    BOOST_REQUIRE(::setns(there, CLONE_NEWNET) == 0);
    const int result = make();
    BOOST_REQUIRE(::setns(home, CLONE_NEWNET) == 0);
    ::close(home);
    ::close(there);
    return result;
}

pid_t spawn_engine(const std::string& name, const std::string& run_dir) {
    return in_namespace(name, [&] {
        const pid_t child = ::fork();
        if (child == 0) {
            ::execl(TANDEM_FAST, "tandem-fast", "--run-dir", run_dir.c_str(), nullptr);
            ::_exit(127);
        }
        return child;
    });
}

} // namespace packet_suite
