// SPDX-License-Identifier: GPL-3.0-or-later
// SIP over UDP as fast as one core puts it on a cable, until it is told to stop.
//
//   nfqueue_load PACK INTERFACE SOURCE ADDRESS PORT
//
// PACK: messages, each behind its length in 4 octets, lowest first. Whole frames go straight to the device,
// to the hardware address 02:00:00:00:00:01: whoever sends through sockets is busier than the one who
// receives.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

volatile std::sig_atomic_t stopping = 0;

std::vector<std::string> messages_of(const char* pack) {
    std::ifstream stream{pack, std::ios::binary};
    const std::string octets{std::istreambuf_iterator<char>{stream}, {}};
    std::vector<std::string> messages;
    for (std::size_t at = 0; octets.size() - at > 4;) {
        std::size_t length = 0;
        for (std::size_t i = 4; i-- > 0;)
            length = length << 8U | static_cast<unsigned char>(octets[at + i]);
        messages.push_back(octets.substr(at + 4, length));
        at = std::min(octets.size(), at + 4 + length);
    }
    return messages;
}

std::uint16_t header_sum(const iphdr& header) {
    std::array<std::uint16_t, sizeof header / 2> words{};
    std::memcpy(words.data(), &header, sizeof header);
    std::uint32_t sum = 0;
    for (const std::uint16_t word : words)
        sum += word;
    sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~(sum + (sum >> 16U)));
}

/// The message in UDP without a checksum, which IPv4 allows.
std::string frame_of(const std::string& message, in_addr from, in_addr to, std::uint16_t port) {
    ether_header ethernet{};
    constexpr std::array<std::uint8_t, 6> receiver{2, 0, 0, 0, 0, 1};
    constexpr std::array<std::uint8_t, 6> sender{2, 0, 0, 0, 0, 7};
    std::copy(receiver.begin(), receiver.end(), ethernet.ether_dhost);
    std::copy(sender.begin(), sender.end(), ethernet.ether_shost);
    ethernet.ether_type = htons(ETHERTYPE_IP);
    iphdr ip{};
    ip.version = 4;
    ip.ihl = sizeof ip / 4;
    ip.tot_len = htons(static_cast<std::uint16_t>(sizeof ip + sizeof(udphdr) + message.size()));
    ip.frag_off = htons(IP_DF);
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.saddr = from.s_addr;
    ip.daddr = to.s_addr;
    ip.check = header_sum(ip);
    udphdr udp{};
    udp.source = htons(5060);
    udp.dest = htons(port);
    udp.len = htons(static_cast<std::uint16_t>(sizeof udp + message.size()));
    std::string frame(sizeof ethernet + sizeof ip + sizeof udp, '\0');
    std::memcpy(frame.data(), &ethernet, sizeof ethernet);
    std::memcpy(frame.data() + sizeof ethernet, &ip, sizeof ip);
    std::memcpy(frame.data() + sizeof ethernet + sizeof ip, &udp, sizeof udp);
    return frame + message;
}

/// A socket that puts frames on the interface; -1: it cannot.
int wire(const char* interface) {
    const int descriptor = ::socket(AF_PACKET, SOCK_RAW, 0);
    const int on = 1;
    ::setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    return ::bind(descriptor, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 && at.sll_ifindex != 0
               ? descriptor
               : -1;
}

} // namespace

int main(int argc, char** argv) {
    in_addr from{};
    in_addr to{};
    if (argc != 6 || ::inet_pton(AF_INET, argv[3], &from) != 1 || ::inet_pton(AF_INET, argv[4], &to) != 1) {
        std::fprintf(stderr, "usage: %s PACK INTERFACE SOURCE ADDRESS PORT\n", argv[0]);
        return 2;
    }
    const auto port = static_cast<std::uint16_t>(std::strtoul(argv[5], nullptr, 10));
    std::vector<std::string> frames;
    for (const auto& message : messages_of(argv[1]))
        frames.push_back(frame_of(message, from, to, port));
    const int descriptor = wire(argv[2]);
    if (frames.empty() || descriptor < 0) {
        std::perror("nothing to send, or nowhere");
        return 1;
    }
    std::signal(SIGTERM, [](int) { stopping = 1; });
    std::signal(SIGINT, [](int) { stopping = 1; });

    std::vector<iovec> vectors(frames.size());
    std::vector<mmsghdr> headers(frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
        vectors[i] = {frames[i].data(), frames[i].size()};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    while (stopping == 0)
        ::sendmmsg(descriptor, headers.data(), static_cast<unsigned>(headers.size()), 0);
    return 0;
}
