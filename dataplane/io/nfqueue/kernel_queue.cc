// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/nfqueue/kernel_queue.hh"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::nfqueue {
namespace {

/// The longest packet with its netlink attributes; a multiple of the alignment that netlink messages need.
constexpr std::size_t message_max = 65'536 + 4'096;
static_assert(message_max % alignof(std::max_align_t) == 0);
constexpr std::uint32_t kernel_packets_max = 4'096;
constexpr int receive_buffer = 16 << 20;
constexpr std::size_t verdict_max = 64; ///< octets of one verdict message
constexpr std::size_t verdicts_max = 512;

struct Verdict {
    std::uint32_t id;
    int verdict;
};

} // namespace

struct KernelQueue::Impl {
    mnl_socket* socket{nullptr};
    std::uint16_t number{0};
    std::unique_ptr<std::uint8_t[]> buffers{std::make_unique<std::uint8_t[]>(burst_max * message_max)};
    std::array<mmsghdr, burst_max> headers{};
    std::array<iovec, burst_max> vectors{};
    std::array<Queued, burst_max> burst{};
    std::array<Verdict, verdicts_max> verdicts{};
    std::size_t verdict_count{0};
    std::array<char, verdicts_max * verdict_max> out{};
    std::uint32_t id_last{0};
    std::uint64_t overruns{0};

    ~Impl() {
        if (socket != nullptr)
            mnl_socket_close(socket);
    }

    bool configure(std::string& error);
    bool command(nlmsghdr* message);
    bool read_packet(const nlmsghdr* message, Queued& packet);
    void note(std::uint32_t id, int verdict);
    void send(Older older);
};

/// Sends one configuration message and waits for the kernel's answer.
bool KernelQueue::Impl::command(nlmsghdr* message) {
    message->nlmsg_flags |= NLM_F_ACK;
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
        return false;
    std::array<char, 4096> answer{};
    for (;;) {
        pollfd ready{mnl_socket_get_fd(socket), POLLIN, 0};
        if (::poll(&ready, 1, 1000) <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        const auto length = mnl_socket_recvfrom(socket, answer.data(), answer.size());
        if (length < 0 && errno != ENOSPC)
            return false;
        const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
        if (length < 0 || header->nlmsg_type != NLMSG_ERROR)
            continue; // the first packets: passed on by the kernel when this socket does not answer for them
        const auto* result = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
        errno = -result->error;
        return result->error == 0;
    }
}

bool KernelQueue::Impl::configure(std::string& error) {
    socket = mnl_socket_open(NETLINK_NETFILTER);
    if (socket == nullptr || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        error = std::string("cannot open a netfilter socket: ") + std::strerror(errno);
        return false;
    }
    const int descriptor = mnl_socket_get_fd(socket);
    const int size = receive_buffer;
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    const int on = 1;
    ::setsockopt(descriptor, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));

    // Mode and flags go first on the wire of one message each; the bind must be there before them.
    std::array<char, 1024> buffer{};
    nlmsghdr* message = nfq_nlmsg_put(buffer.data(), NFQNL_MSG_CONFIG, number);
    nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
    nfq_nlmsg_cfg_put_qmaxlen(message, kernel_packets_max);
    nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
    mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_FAIL_OPEN));
    mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO));
    if (!command(message)) {
        error =
            "cannot bind kernel queue " + std::to_string(number) + ": " + std::strerror(errno) +
            (errno == EBUSY || errno == EPERM ? " (another program may own it; choose another queue number)"
                                              : "");
        return false;
    }
    for (std::size_t i = 0; i < burst_max; ++i) {
        vectors[i] = {buffers.get() + i * message_max, message_max};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    return true;
}

bool KernelQueue::Impl::read_packet(const nlmsghdr* message, Queued& packet) {
    if (message->nlmsg_type != ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET))
        return false; // an error for a verdict that came too late
    std::array<nlattr*, NFQA_MAX + 1> attributes{};
    if (nfq_nlmsg_parse(message, attributes.data()) < 0 || attributes[NFQA_PACKET_HDR] == nullptr)
        return false;
    const auto* header =
        static_cast<const nfqnl_msg_packet_hdr*>(mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]));
    packet.id = ntohl(header->packet_id);
    packet.packet = {};
    if (attributes[NFQA_PAYLOAD] != nullptr)
        packet.packet = {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attributes[NFQA_PAYLOAD])),
                         mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD])};
    // The kernel numbers the packets of a queue from 1; a hole is a packet that found the socket full.
    overruns += packet.id - id_last - 1;
    id_last = packet.id;
    return true;
}

void KernelQueue::Impl::note(std::uint32_t id, int verdict) {
    if (verdict_count == verdicts.size())
        send(Older::kept);
    verdicts[verdict_count++] = {id, verdict};
}

void KernelQueue::Impl::send(Older older) {
    if (verdict_count == 0)
        return;
    const auto noted = std::span(verdicts).first(verdict_count);
    const bool all_pass =
        std::all_of(noted.begin(), noted.end(), [](Verdict v) { return v.verdict == NF_ACCEPT; });
    std::size_t length = 0;
    if (all_pass && older == Older::none) {
        // One verdict for everything up to the latest packet. Numbers wrap around: compare by their distance.
        std::uint32_t latest = noted.front().id;
        for (const Verdict v : noted)
            if (static_cast<std::int32_t>(v.id - latest) > 0)
                latest = v.id;
        nlmsghdr* message = nfq_nlmsg_put(out.data(), NFQNL_MSG_VERDICT_BATCH, number);
        nfq_nlmsg_verdict_put(message, static_cast<int>(latest), NF_ACCEPT);
        length = message->nlmsg_len;
    } else {
        for (const Verdict v : noted) {
            nlmsghdr* message = nfq_nlmsg_put(out.data() + length, NFQNL_MSG_VERDICT, number);
            nfq_nlmsg_verdict_put(message, static_cast<int>(v.id), v.verdict);
            length += MNL_ALIGN(message->nlmsg_len);
        }
    }
    for (int attempt = 0; attempt < 3; ++attempt)
        if (mnl_socket_sendto(socket, out.data(), length) >= 0 || errno != EINTR)
            break;
    verdict_count = 0;
}

KernelQueue::KernelQueue(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
KernelQueue::KernelQueue(KernelQueue&&) noexcept = default;
KernelQueue& KernelQueue::operator=(KernelQueue&&) noexcept = default;
KernelQueue::~KernelQueue() = default;

std::expected<KernelQueue, std::string> KernelQueue::open(std::uint16_t number) {
    auto impl = std::make_unique<Impl>();
    impl->number = number;
    std::string error;
    if (!impl->configure(error))
        return std::unexpected(error);
    return KernelQueue{std::move(impl)};
}

int KernelQueue::descriptor() const {
    return mnl_socket_get_fd(impl_->socket);
}

std::span<const Queued> KernelQueue::receive() {
    const int count = ::recvmmsg(descriptor(), impl_->headers.data(), burst_max, MSG_DONTWAIT, nullptr);
    std::size_t packets = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
        int left = static_cast<int>(impl_->headers[i].msg_len);
        const auto* message = static_cast<const nlmsghdr*>(impl_->vectors[i].iov_base);
        // The kernel puts one packet into one datagram; an error comes alone, too.
        if (mnl_nlmsg_ok(message, left) && impl_->read_packet(message, impl_->burst[packets]))
            ++packets;
    }
    return std::span(impl_->burst).first(packets);
}

std::uint64_t KernelQueue::take_overruns() {
    return std::exchange(impl_->overruns, 0);
}

void KernelQueue::accept(std::uint32_t id) {
    impl_->note(id, NF_ACCEPT);
}
void KernelQueue::drop(std::uint32_t id) {
    impl_->note(id, NF_DROP);
}
void KernelQueue::flush(Older older) {
    impl_->send(older);
}

} // namespace tandem::nfqueue
