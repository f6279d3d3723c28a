// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/halink/mirror_links.hh"

#include "dataplane/wire/ha_frame.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tandem::halink {
namespace {

constexpr std::size_t datagram_max = 65'536;
constexpr int socket_buffer = 8 << 20;
constexpr path::Duration retry_interval = std::chrono::milliseconds{200};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length{0};
};

SocketAddress socket_address(const wire::IpAddress& address, std::uint16_t port) {
    SocketAddress result;
    if (address.is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, address.octets.data(), 4);
        std::memcpy(&result.storage, &in, sizeof(in));
        result.length = sizeof(in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port);
        std::memcpy(&in.sin6_addr, address.octets.data(), 16);
        std::memcpy(&result.storage, &in, sizeof(in));
        result.length = sizeof(in);
    }
    return result;
}

/// A datagram socket bound and connected; -1 when the addresses are not there yet.
int connect_socket(const contract::MirrorEndpoint& endpoint, std::uint16_t port) {
    const int family = endpoint.local.is_v4() ? AF_INET : AF_INET6;
    const int descriptor = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    const int size = socket_buffer;
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    // A mirrored packet plus header can exceed the MTU: let IP fragment it.
    const int discover = IP_PMTUDISC_DONT;
    if (family == AF_INET)
        ::setsockopt(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
    else
        ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof(discover));
    const SocketAddress local = socket_address(endpoint.local, port);
    const SocketAddress peer = socket_address(endpoint.peer, port);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&local.storage), local.length) != 0 ||
        ::connect(descriptor, reinterpret_cast<const sockaddr*>(&peer.storage), peer.length) != 0) {
        ::close(descriptor);
        return -1;
    }
    return descriptor;
}

} // namespace

MirrorLinks::MirrorLinks(contract::Page& page)
    : page_(page)
    , plain_(std::make_unique<std::uint8_t[]>(datagram_max))
    , out_(std::make_unique<std::uint8_t[]>(batch_max * datagram_max))
    , in_(std::make_unique<std::uint8_t[]>(batch_max * datagram_max))
    , headers_(std::make_unique<mmsghdr[]>(batch_max))
    , vectors_(std::make_unique<iovec[]>(batch_max)) {
    for (std::size_t i = 0; i < paths_.size(); ++i)
        paths_[i].seal.attach(page, i);
}

MirrorLinks::~MirrorLinks() {
    for (PathState& state : paths_)
        if (state.descriptor >= 0)
            ::close(state.descriptor);
}

void MirrorLinks::refresh(const contract::Policy& policy, path::Instant now) {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
        PathState& state = paths_[i];
        const bool wanted = i < policy.path_count && policy.mirror_port != 0;
        const bool same = wanted && state.port == policy.mirror_port &&
                          state.endpoint.local == policy.paths[i].local &&
                          state.endpoint.peer == policy.paths[i].peer;
        if (!same) {
            if (state.descriptor >= 0)
                ::close(state.descriptor);
            state.descriptor = -1;
            state.port = wanted ? policy.mirror_port : std::uint16_t{0};
            state.endpoint = wanted ? policy.paths[i] : contract::MirrorEndpoint{};
            state.retry_at = now;
        }
        if (wanted && state.descriptor < 0 && now >= state.retry_at)
            open_socket(state, now);
        state.seal.refresh();
    }
}

void MirrorLinks::open_socket(PathState& state, path::Instant now) {
    state.retry_at = now + retry_interval;
    if (state.endpoint.local.family == wire::Family::none ||
        state.endpoint.local.family != state.endpoint.peer.family)
        return;
    state.descriptor = connect_socket(state.endpoint, state.port);
}

void MirrorLinks::add(Purpose purpose, std::uint32_t token, std::span<const std::uint8_t> head,
                      std::span<const std::uint8_t> body) {
    if (flushed_) {
        count_ = 0;
        flushed_ = false;
    }
    if (count_ == 0)
        path_in_batch_ = std::min<std::size_t>(page_.mirror_path.load(), paths_.size() - 1);
    PathState& state = paths_[path_in_batch_];
    Transmitted& entry = batch_[count_];
    entry = {purpose, token, path::Sent::no_link};
    vectors_[count_] = {out_.get() + count_ * datagram_max, 0};
    const std::span<std::uint8_t> out{out_.get() + count_ * datagram_max, datagram_max};
    ++count_;
    if (state.descriptor < 0 || state.seal.association() == 0)
        return;
    entry.sent = path::Sent::failed;
    const std::size_t length = head.size() + body.size();
    if (length > path::SenderLimits{}.frame_max)
        return;
    std::span<const std::uint8_t> plain = head;
    if (!body.empty()) {
        std::copy(head.begin(), head.end(), plain_.get());
        std::copy(body.begin(), body.end(), plain_.get() + head.size());
        plain = {plain_.get(), length};
    }
    wire::HaHeader header;
    header.type = wire::HaType::mirror;
    header.association = state.seal.association();
    header.sequence = state.seal.numbers().take();
    const auto clear = out.first(wire::HaHeader::size);
    wire::write(header, clear);
    const std::size_t sealed =
        state.seal.sealer().seal(header.sequence, clear, plain, out.subspan(wire::HaHeader::size));
    if (sealed > 0)
        vectors_[count_ - 1].iov_len = wire::HaHeader::size + sealed;
}

std::span<const Transmitted> MirrorLinks::flush() {
    if (flushed_)
        count_ = 0;
    flushed_ = true;
    if (count_ > 0 && paths_[path_in_batch_].descriptor >= 0)
        send_batch(paths_[path_in_batch_].descriptor);
    return std::span(batch_).first(count_);
}

void MirrorLinks::send_batch(int descriptor) {
    std::array<std::uint8_t, batch_max> index{};
    std::size_t ready = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        if (vectors_[i].iov_len == 0)
            continue;
        headers_[ready] = {};
        headers_[ready].msg_hdr.msg_iov = &vectors_[i];
        headers_[ready].msg_hdr.msg_iovlen = 1;
        index[ready++] = static_cast<std::uint8_t>(i);
    }
    std::size_t done = 0;
    std::size_t refusals = 0;
    while (done < ready) {
        const int sent =
            ::sendmmsg(descriptor, headers_.get() + done, static_cast<unsigned>(ready - done), MSG_DONTWAIT);
        if (sent > 0) {
            for (int i = 0; i < sent; ++i)
                batch_[index[done++]].sent = path::Sent::yes;
            continue;
        }
        // "Port unreachable" is the answer to an earlier datagram, not to this one: try it once more.
        if ((errno == ECONNREFUSED || errno == EINTR) && refusals++ < 2)
            continue;
        if (errno == EAGAIN || errno == ENOBUFS)
            return; // the link is full: SIP does not wait, the history keeps what was not sent
        ++done;
    }
}

void MirrorLinks::receive(std::size_t path) {
    receiving_path_ = path;
    received_ = received_at_ = 0;
    if (paths_[path].descriptor < 0)
        return;
    for (std::size_t i = 0; i < batch_max; ++i) {
        vectors_[i] = {in_.get() + i * datagram_max, datagram_max};
        headers_[i] = {};
        headers_[i].msg_hdr.msg_iov = &vectors_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
    for (int attempt = 0; attempt < 2; ++attempt) {
        const int count =
            ::recvmmsg(paths_[path].descriptor, headers_.get(), batch_max, MSG_DONTWAIT, nullptr);
        if (count > 0)
            received_ = static_cast<std::size_t>(count);
        if (count >= 0 || errno == EAGAIN)
            return; // any other error is the echo of something sent earlier, and is used up by reading it
    }
}

std::optional<std::span<const std::uint8_t>> MirrorLinks::opened() {
    using contract::Counter;
    PathState& state = paths_[receiving_path_];
    while (received_at_ < received_) {
        const std::size_t i = received_at_++;
        const std::span<const std::uint8_t> datagram{in_.get() + i * datagram_max, headers_[i].msg_len};
        const auto admitted = state.seal.admit(datagram);
        if (!admitted)
            continue;
        const auto length = admitted->under.opener->open(admitted->sequence, admitted->header,
                                                         admitted->sealed, {plain_.get(), datagram_max});
        if (!length) {
            count(Counter::link_unauthentic);
            continue;
        }
        state.seal.accept(*admitted);
        return std::span<const std::uint8_t>{plain_.get(), *length};
    }
    return std::nullopt;
}

} // namespace tandem::halink
