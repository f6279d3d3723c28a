// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/kernel.hh"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace tandem::netlink {

namespace {

/// The kernel carries a request out before sendmsg returns, so acknowledgements are normally there at once.
constexpr std::chrono::milliseconds acknowledgement_time_max{1000};
/// Room for the acknowledgements of the largest batch, about 1 KiB of kernel memory each.
constexpr int receive_buffer_octets = 1 << 20;
/// An acknowledgement repeats the request it refuses, where the kernel does not know NETLINK_CAP_ACK.
constexpr std::size_t reply_size_max = 4096;
constexpr std::size_t requests_max = Batch::size_max / sizeof(nlmsghdr);

bool already_so(std::uint16_t request_type, int code) {
    switch (request_type) {
    case RTM_NEWADDR:
    case RTM_NEWRULE:
    case RTM_NEWROUTE:
        return code == EEXIST;
    case RTM_DELADDR:
        // ENODEV: the interface is gone, and its addresses with it.
        return code == EADDRNOTAVAIL || code == ENOENT || code == ESRCH || code == ENODEV;
    case RTM_DELRULE:
    case RTM_DELROUTE:
        return code == ENOENT || code == ESRCH;
    case RTM_DELLINK:
        return code == ENODEV;
    default:
        return false;
    }
}

} // namespace

struct BatchSocket::Scratch {
    Batch batch;
    std::array<std::uint16_t, requests_max> types{};
    alignas(nlmsghdr) std::array<std::uint8_t, reply_size_max> reply{};
};

namespace {

/// Gives each request of the batch its sequence number and notes its type. False for bytes that are not a
/// batch: they may come from shared memory.
bool number_requests(Batch& batch, std::array<std::uint16_t, requests_max>& types, std::uint32_t first) {
    if (batch.length > Batch::size_max || batch.requests > requests_max)
        return false;
    std::uint32_t offset = 0;
    std::uint32_t count = 0;
    while (offset < batch.length) {
        nlmsghdr header{};
        if (batch.length - offset < sizeof header || count == batch.requests)
            return false;
        std::memcpy(&header, batch.bytes.data() + offset, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > batch.length - offset ||
            header.nlmsg_len % NLMSG_ALIGNTO != 0 || (header.nlmsg_flags & NLM_F_ACK) == 0)
            return false;
        header.nlmsg_seq = first + count;
        header.nlmsg_pid = 0;
        std::memcpy(batch.bytes.data() + offset, &header, sizeof header);
        types[count++] = header.nlmsg_type;
        offset += header.nlmsg_len;
    }
    return count == batch.requests;
}

/// What the acknowledgements of one batch have said so far.
struct Outcome {
    std::uint32_t first{0};   ///< sequence number of the first request
    std::uint32_t pending{0}; ///< acknowledgements that have not come
    int code{0};              ///< the first errno that is not "already so"

    void note(int error) {
        if (code == 0)
            code = error;
    }
};

void read_replies(std::span<const std::uint8_t> bytes, std::span<const std::uint16_t> types,
                  Outcome& outcome) {
    std::size_t offset = 0;
    while (bytes.size() - offset >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, bytes.data() + offset, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size() - offset)
            return;
        // An acknowledgement of an earlier batch that was given up: not ours.
        const std::uint32_t index = header.nlmsg_seq - outcome.first;
        if (header.nlmsg_type == NLMSG_ERROR && index < types.size() && outcome.pending > 0 &&
            header.nlmsg_len >= NLMSG_LENGTH(sizeof(int))) {
            int code = 0;
            std::memcpy(&code, bytes.data() + offset + NLMSG_HDRLEN, sizeof code);
            --outcome.pending;
            if (code != 0 && !already_so(types[index], -code))
                outcome.note(-code);
        }
        offset += std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size() - offset);
    }
}

} // namespace

std::expected<BatchSocket, Error> BatchSocket::open() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return std::unexpected(Error{errno, "cannot open a route netlink socket"});
    BatchSocket result(fd);
    sockaddr_nl own{};
    own.nl_family = AF_NETLINK;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
        return std::unexpected(Error{errno, "cannot bind a route netlink socket"});
    // Both only save work; without them a large batch may end in ENOBUFS, which `send` reports.
    const int on = 1;
    static_cast<void>(::setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on));
    const int size = receive_buffer_octets;
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
    return result;
}

BatchSocket::BatchSocket(int fd)
    : fd_(fd)
    , scratch_(std::make_unique<Scratch>()) {}

BatchSocket::BatchSocket(BatchSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1))
    , sequence_(other.sequence_)
    , scratch_(std::move(other.scratch_)) {}

BatchSocket& BatchSocket::operator=(BatchSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(sequence_, other.sequence_);
    std::swap(scratch_, other.scratch_);
    return *this;
}

BatchSocket::~BatchSocket() {
    if (fd_ >= 0)
        ::close(fd_);
}

int BatchSocket::send(const Batch& batch) noexcept {
    if (scratch_ == nullptr)
        return EBADF;
    // Copied first and checked after: nobody else writes to the copy.
    scratch_->batch = batch;
    Batch& copy = scratch_->batch;
    if (!number_requests(copy, scratch_->types, sequence_))
        return EINVAL;
    if (copy.requests == 0)
        return 0;
    Outcome outcome{.first = sequence_, .pending = copy.requests, .code = 0};
    sequence_ += copy.requests;

    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    iovec data{copy.bytes.data(), copy.length};
    msghdr message{};
    message.msg_name = &kernel;
    message.msg_namelen = sizeof kernel;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    ssize_t sent = 0;
    do
        sent = ::sendmsg(fd_, &message, 0);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno;

    const std::span<const std::uint16_t> types{scratch_->types.data(), copy.requests};
    const auto deadline = std::chrono::steady_clock::now() + acknowledgement_time_max;
    bool lost = false;
    while (outcome.pending > 0) {
        const ssize_t length = ::recv(fd_, scratch_->reply.data(), scratch_->reply.size(), MSG_DONTWAIT);
        if (length >= 0) {
            read_replies({scratch_->reply.data(), static_cast<std::size_t>(length)}, types, outcome);
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == ENOBUFS) {
            lost = true; // some acknowledgements; those that are queued are still to be read
            outcome.note(ENOBUFS);
            continue;
        }
        if (errno != EAGAIN || lost) {
            outcome.note(errno);
            return outcome.code;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return outcome.code != 0 ? outcome.code : ETIMEDOUT;
        pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
        static_cast<void>(::poll(&waiting, 1, static_cast<int>(left.count())));
    }
    return outcome.code;
}

} // namespace tandem::netlink
