// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The socket file: there is one daemon for it, and no moment in which too many may connect.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace tandem::api {

/// A listening Unix stream socket and the lock beside it (`<path>.lock`), which tells a living daemon from a
/// file that a dead one left. Both are released with the object.
class Listener {
public:
    static std::expected<Listener, std::string> open(const std::string& path,
                                                     std::optional<std::uint32_t> group);
    Listener(Listener&& other) noexcept;
    Listener& operator=(Listener&&) = delete;
    ~Listener();

    int descriptor() const { return socket_; }
    /// Hands the listening socket over to its new owner.
    int release();

private:
    Listener(std::string path, int lock, int socket)
        : path_{std::move(path)}
        , lock_{lock}
        , socket_{socket} {}
    std::string path_;
    int lock_{-1};
    int socket_{-1};
};

} // namespace tandem::api
