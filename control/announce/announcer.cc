// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/announce/announce.hh"

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::announce {

namespace {

/// Frames handed to the kernel at a time; their headers lie on the stack.
constexpr std::size_t burst_max = 32;

} // namespace

std::expected<Announcer, std::string> Announcer::open(int interface_index, std::vector<Frame> frames) {
    const auto refuse = [&](const char* what) {
        return std::unexpected(std::string("cannot announce on interface ") +
                               std::to_string(interface_index) + ": " + what + ": " + std::strerror(errno));
    };
    // Protocol 0: this socket receives nothing. Non-blocking: an interface that does not drain costs
    // announcements, not the time of the thread that keeps the heartbeat.
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refuse("opening a packet socket");
    Announcer result(fd, std::move(frames));
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_ifindex = interface_index;
    // Index 0 would be accepted and mean "no interface".
    if (interface_index <= 0)
        errno = ENODEV;
    if (interface_index <= 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
        return refuse("binding to it");
    return result;
}

Announcer::Announcer(int fd, std::vector<Frame> frames)
    : fd_(fd)
    , frames_(std::move(frames)) {}

Announcer::Announcer(Announcer&& other) noexcept
    : fd_(std::exchange(other.fd_, -1))
    , frames_(std::move(other.frames_)) {}

Announcer& Announcer::operator=(Announcer&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(frames_, other.frames_);
    return *this;
}

Announcer::~Announcer() {
    if (fd_ >= 0)
        ::close(fd_);
}

std::size_t Announcer::send() noexcept {
    std::array<iovec, burst_max> data{};
    std::array<mmsghdr, burst_max> messages{};
    std::size_t taken = 0;
    std::size_t next = 0;
    while (next < frames_.size()) {
        const std::size_t count = std::min(burst_max, frames_.size() - next);
        for (std::size_t i = 0; i < count; ++i) {
            Frame& frame = frames_[next + i];
            data[i] = {frame.bytes.data(), std::min<std::size_t>(frame.length, Frame::size_max)};
            messages[i] = {};
            messages[i].msg_hdr.msg_iov = &data[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        const int sent = ::sendmmsg(fd_, messages.data(), static_cast<unsigned>(count), 0);
        if (sent > 0) {
            taken += static_cast<std::size_t>(sent);
            next += static_cast<std::size_t>(sent);
        } else if (errno != EINTR) {
            ++next; // the kernel refuses this one; the others get their turn
        }
    }
    return taken;
}

} // namespace tandem::announce
