// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A file descriptor with one owner, and an address as the socket calls want it.

#include "dataplane/wire/address.hh"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <utility>

namespace tandem::watch {

class Descriptor {
public:
    explicit Descriptor(int fd = -1)
        : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0)
            ::close(fd_);
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_;
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length{0};

    SocketAddress() = default;
    SocketAddress(const wire::IpAddress& ip, std::uint16_t port, std::uint32_t scope = 0) {
        if (ip.is_v4()) {
            sockaddr_in to{};
            to.sin_family = AF_INET;
            to.sin_port = htons(port);
            std::memcpy(&to.sin_addr, ip.octets.data(), ip.size());
            std::memcpy(&storage, &to, sizeof to);
            length = sizeof to;
        } else if (ip.is_v6()) {
            sockaddr_in6 to{};
            to.sin6_family = AF_INET6;
            to.sin6_port = htons(port);
            to.sin6_scope_id = scope;
            std::memcpy(&to.sin6_addr, ip.octets.data(), ip.size());
            std::memcpy(&storage, &to, sizeof to);
            length = sizeof to;
        }
    }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

    std::uint16_t port() const {
        if (storage.ss_family == AF_INET)
            return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
        if (storage.ss_family == AF_INET6)
            return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
        return 0;
    }
    wire::IpAddress address() const {
        wire::IpAddress ip;
        if (storage.ss_family == AF_INET) {
            ip.family = wire::Family::ipv4;
            std::memcpy(ip.octets.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
        } else if (storage.ss_family == AF_INET6) {
            ip.family = wire::Family::ipv6;
            std::memcpy(ip.octets.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
        }
        return ip;
    }
};

} // namespace tandem::watch
