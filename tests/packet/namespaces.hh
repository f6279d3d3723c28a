// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the packet suite's hosts are made with.

#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace packet_suite {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length{0};
};
SocketAddress socket_address(std::string_view text, std::uint16_t port);
/// A bound, non-blocking UDP socket.
int udp_socket(std::string_view local, std::uint16_t port);

/// Runs a shell command, which must succeed; its output.
std::string output_of(const std::string& command);
/// Does something in a network namespace.
int in_namespace(const std::string& name, const std::function<int()>& make);
/// Starts tandem-fast there.
pid_t spawn_engine(const std::string& name, const std::string& run_dir);

/// Waits until `holds` is true; false when it was not by the deadline.
bool eventually(const std::function<bool()>& holds,
                std::chrono::milliseconds deadline = std::chrono::seconds{5});
std::int64_t now_ns();

} // namespace packet_suite
