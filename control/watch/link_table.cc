// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/link_table.hh"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <span>

namespace tandem::watch {

namespace {

constexpr int answers_max = 8;                // answers to earlier questions that are passed over
constexpr std::uint32_t lower_up = 1U << 16U; // IFF_LOWER_UP: not in the C library's header
constexpr timeval patience{.tv_sec = 0, .tv_usec = 50'000};

struct Request {
    nlmsghdr header;
    ifinfomsg body;
    rtattr attribute;
    std::array<char, IFNAMSIZ> name;
};

/// The packets received so far, from the attributes behind the fixed part.
std::uint64_t received_in(std::span<const char> attributes) {
    while (attributes.size() >= sizeof(rtattr)) {
        rtattr header{};
        std::memcpy(&header, attributes.data(), sizeof header);
        if (header.rta_len < sizeof header || header.rta_len > attributes.size())
            break;
        constexpr std::size_t at_packets = RTA_LENGTH(offsetof(rtnl_link_stats64, rx_packets));
        std::uint64_t packets = 0;
        if (header.rta_type == IFLA_STATS64 && header.rta_len >= at_packets + sizeof packets) {
            std::memcpy(&packets, attributes.data() + at_packets, sizeof packets);
            return packets;
        }
        const std::size_t step = RTA_ALIGN(header.rta_len);
        if (step >= attributes.size())
            break;
        attributes = attributes.subspan(step);
    }
    return 0;
}

} // namespace

std::expected<LinkTable, std::string> LinkTable::open() {
    Descriptor fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        return std::unexpected(std::string("cannot ask the kernel for its interfaces: ") +
                               std::strerror(errno));
    return LinkTable(std::move(fd));
}

std::optional<PortFacts> LinkTable::look(const std::string& name) {
    if (name.empty() || name.size() >= IFNAMSIZ)
        return PortFacts{};
    Request request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.header.nlmsg_seq = ++sequence_;
    request.attribute.rta_type = IFLA_IFNAME;
    request.attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(name.size() + 1));
    name.copy(request.name.data(), IFNAMSIZ - 1);
    if (::send(fd_.get(), &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request))
        return std::nullopt;
    alignas(nlmsghdr) std::array<char, 16384> answer;
    for (int i = 0; i < answers_max; ++i) {
        const ssize_t length = ::recv(fd_.get(), answer.data(), answer.size(), 0);
        constexpr std::size_t fixed = NLMSG_HDRLEN + sizeof(ifinfomsg);
        if (length < static_cast<ssize_t>(sizeof(nlmsghdr)))
            return std::nullopt;
        nlmsghdr header{};
        std::memcpy(&header, answer.data(), sizeof header);
        if (header.nlmsg_seq != sequence_)
            continue;
        const auto size = static_cast<std::size_t>(length);
        if (header.nlmsg_type == NLMSG_ERROR && size >= NLMSG_HDRLEN + sizeof(nlmsgerr)) {
            nlmsgerr error{};
            std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
            return error.error == -ENODEV ? std::optional{PortFacts{}} : std::nullopt;
        }
        if (header.nlmsg_type != RTM_NEWLINK || size < fixed)
            return std::nullopt;
        ifinfomsg link{};
        std::memcpy(&link, answer.data() + NLMSG_HDRLEN, sizeof link);
        constexpr std::size_t at_attributes = NLMSG_ALIGN(fixed);
        return PortFacts{.present = true,
                         .carrier = (link.ifi_flags & IFF_UP) != 0 && (link.ifi_flags & lower_up) != 0,
                         .received = size > at_attributes ? received_in(std::span<const char>(answer).subspan(
                                                                at_attributes, size - at_attributes))
                                                          : 0};
    }
    return std::nullopt;
}

} // namespace tandem::watch
