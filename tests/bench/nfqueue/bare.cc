// SPDX-License-Identifier: GPL-3.0-or-later
// The program that tandem-fast is compared with: takes every packet of a kernel queue and accepts it.
//
//   nfqueue_bare QUEUE one|batch SECONDS     one line of JSON: {"packets", "seconds", "cpu"}
//
// `one`: one receive, one verdict, as libnetfilter_queue's own example does. `batch`: takes what has arrived
// and accepts it with one verdict, the least that any program can do. Both have the kernel's settings that
// tandem-fast has: the length of the queue, a large buffer, real-time priority where it is permitted.
// Counting begins after the first fifth of the time.
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void refuse(const char* what) {
    std::perror(what);
    std::exit(1);
}

mnl_socket* bound(std::uint16_t number) {
    mnl_socket* socket = mnl_socket_open(NETLINK_NETFILTER);
    if (socket == nullptr || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
        refuse("netfilter socket");
    const int size = 16 << 20;
    ::setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    const int on = 1;
    ::setsockopt(mnl_socket_get_fd(socket), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
    std::array<char, 1024> buffer{};
    nlmsghdr* message = nfq_nlmsg_put(buffer.data(), NFQNL_MSG_CONFIG, number);
    nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
    nfq_nlmsg_cfg_put_qmaxlen(message, 4096);
    nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
    mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_FAIL_OPEN));
    mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO));
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
        refuse("bind");
    return socket;
}

/// Seconds that this process has used.
double used() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The number of the packet in a message; nothing: it holds none.
std::optional<std::uint32_t> packet_in(const char* octets, std::size_t length) {
    const auto* message = reinterpret_cast<const nlmsghdr*>(octets);
    std::array<nlattr*, NFQA_MAX + 1> attributes{};
    if (!mnl_nlmsg_ok(message, static_cast<int>(length)) ||
        message->nlmsg_type != ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET) ||
        nfq_nlmsg_parse(message, attributes.data()) < 0 || attributes[NFQA_PACKET_HDR] == nullptr)
        return std::nullopt;
    const auto* header =
        static_cast<const nfqnl_msg_packet_hdr*>(mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]));
    return ntohl(header->packet_id);
}

enum class Reach : std::uint8_t { this_one, up_to_this };

void accept(mnl_socket* socket, std::uint16_t number, std::uint32_t id, Reach reach) {
    std::array<char, 256> buffer{};
    nlmsghdr* message = nfq_nlmsg_put(
        buffer.data(), reach == Reach::this_one ? NFQNL_MSG_VERDICT : NFQNL_MSG_VERDICT_BATCH, number);
    nfq_nlmsg_verdict_put(message, static_cast<int>(id), NF_ACCEPT);
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
        refuse("verdict");
}

/// Takes what has arrived, waiting for the first of it; gives how many packets were accepted.
class Taker {
public:
    Taker(mnl_socket* socket, std::uint16_t number, std::size_t burst)
        : socket_(socket)
        , number_(number)
        , buffers_(burst * octets)
        , vectors_(burst)
        , headers_(burst) {
        for (std::size_t i = 0; i < burst; ++i) {
            vectors_[i] = {buffers_.data() + i * octets, octets};
            headers_[i].msg_hdr.msg_iov = &vectors_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
        }
    }

    std::uint64_t one() {
        const auto length = ::recv(mnl_socket_get_fd(socket_), buffers_.data(), octets, 0);
        const auto id =
            length > 0 ? packet_in(buffers_.data(), static_cast<std::size_t>(length)) : std::nullopt;
        if (!id)
            return 0;
        accept(socket_, number_, *id, Reach::this_one);
        return 1;
    }

    std::uint64_t batch() {
        const int got = ::recvmmsg(mnl_socket_get_fd(socket_), headers_.data(),
                                   static_cast<unsigned>(headers_.size()), MSG_WAITFORONE, nullptr);
        std::optional<std::uint32_t> last;
        std::uint64_t count = 0;
        for (int i = 0; i < got; ++i) {
            const auto at = static_cast<std::size_t>(i);
            if (const auto id = packet_in(buffers_.data() + at * octets, headers_[at].msg_len)) {
                last = id;
                ++count;
            }
        }
        if (last)
            accept(socket_, number_, *last, Reach::up_to_this);
        return count;
    }

private:
    static constexpr std::size_t octets = 65'536 + 4'096;
    mnl_socket* socket_;
    std::uint16_t number_;
    std::vector<char> buffers_;
    std::vector<iovec> vectors_;
    std::vector<mmsghdr> headers_;
};

} // namespace

int main(int argc, char** argv) {
    const std::string_view how = argc == 4 ? argv[2] : "";
    const double seconds = argc == 4 ? std::strtod(argv[3], nullptr) : 0;
    if ((how != "one" && how != "batch") || seconds <= 0) {
        std::fprintf(stderr, "usage: %s QUEUE one|batch SECONDS\n", argv[0]);
        return 2;
    }
    const auto number = static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10));
    mnl_socket* socket = bound(number);
    sched_param priority{};
    priority.sched_priority = 1;
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority);
    // Without packets the end is still seen.
    const timeval patience{0, 100'000};
    ::setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);

    Taker taker{socket, number, how == "one" ? 1U : 64U};
    const auto whole = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    const auto warm = Clock::now() + whole / 5;
    auto begin = warm;
    double used_before = 0;
    std::uint64_t packets = 0;
    for (auto now = Clock::now(); now < warm + whole; now = Clock::now()) {
        if (packets == 0 && now >= warm) {
            begin = now;
            used_before = used();
        }
        const std::uint64_t got = how == "one" ? taker.one() : taker.batch();
        if (now >= warm)
            packets += got;
    }
    std::printf("{\"packets\":%lu,\"seconds\":%.3f,\"cpu\":%.3f}\n", packets,
                std::chrono::duration<double>(Clock::now() - begin).count(), used() - used_before);
    mnl_socket_close(socket);
    return 0;
}
