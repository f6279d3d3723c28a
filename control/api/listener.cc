// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/listener.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::api {
namespace {

constexpr int backlog = 16;

std::unexpected<std::string> failed(const std::string& path, const char* what) {
    return std::unexpected(path + ": " + what + ": " + std::strerror(errno));
}

std::expected<sockaddr_un, std::string> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return std::unexpected("\"" + path + "\" cannot be the path of a socket: 1 to " +
                               std::to_string(sizeof address.sun_path - 1) + " characters");
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

/// Somebody listens at the path.
bool is_alive(const sockaddr_un& address) {
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false;
    // EAGAIN: alive, with a full backlog.
    const bool alive = connect(probe, generic(address), sizeof address) == 0 || errno == EAGAIN;
    close(probe);
    return alive;
}

std::expected<void, std::string> remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        if (errno != ENOENT)
            return failed(path, "cannot be examined");
        return {};
    }
    if (!S_ISSOCK(status.st_mode))
        return std::unexpected(path + ": is in the way and not a socket; it is left alone");
    if (is_alive(address))
        return std::unexpected(path + ": another tandemd is running");
    if (unlink(path.c_str()) != 0)
        return failed(path, "cannot be removed");
    return {};
}

} // namespace

std::expected<Listener, std::string> Listener::open(const std::string& path,
                                                    std::optional<std::uint32_t> group) {
    const auto address = address_of(path);
    if (!address)
        return std::unexpected(address.error());
    const std::string lock_path = path + ".lock";
    const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return failed(lock_path, "cannot be opened");
    Listener listener{{}, lock, -1};
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return std::unexpected(path + ": another tandemd is running");
        return failed(lock_path, "cannot be locked");
    }
    if (const auto removed = remove_stale(path, *address); !removed)
        return std::unexpected(removed.error());
    listener.socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener.socket_ < 0)
        return failed(path, "no socket");
    // The file takes its mode from the socket: it is closed to all others until its group is right.
    if (fchmod(listener.socket_, 0600) != 0 ||
        bind(listener.socket_, generic(*address), sizeof *address) != 0)
        return failed(path, "cannot be made");
    listener.path_ = path;
    if (group && chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0)
        return failed(path, "cannot be given to its group");
    if (chmod(path.c_str(), 0660) != 0)
        return failed(path, "cannot be opened to its group");
    if (listen(listener.socket_, backlog) != 0)
        return failed(path, "cannot be listened to");
    return listener;
}

Listener::Listener(Listener&& other) noexcept
    : path_{std::exchange(other.path_, {})}
    , lock_{std::exchange(other.lock_, -1)}
    , socket_{std::exchange(other.socket_, -1)} {}

Listener::~Listener() {
    if (socket_ >= 0)
        close(socket_);
    if (!path_.empty())
        unlink(path_.c_str());
    // The lock file stays: to remove it while another waits for it would give the lock to two.
    if (lock_ >= 0)
        close(lock_);
}

int Listener::release() {
    return std::exchange(socket_, -1);
}

} // namespace tandem::api
