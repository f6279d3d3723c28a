// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/kernel_tables.hh"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::dpdk {
namespace {

using path::HopChange;
using path::Segment;

constexpr std::size_t buffer_octets = 65'536;
constexpr std::uint16_t valid_states =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

wire::IpAddress address_of(const nlattr* attribute, std::uint8_t family) {
    const std::size_t length = mnl_attr_get_payload_len(attribute);
    const auto* octets = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
    if (family == AF_INET && length == 4) {
        std::array<std::uint8_t, 4> v4{};
        std::copy_n(octets, v4.size(), v4.begin());
        return wire::IpAddress::v4(v4);
    }
    if (family == AF_INET6 && length == 16) {
        std::array<std::uint8_t, 16> v6{};
        std::copy_n(octets, v6.size(), v6.begin());
        return wire::IpAddress::v6(v6);
    }
    return {};
}

wire::IpAddress nothing_of(std::uint8_t family) {
    return family == AF_INET ? wire::IpAddress::v4({}) : wire::IpAddress::v6({});
}

/// Calls `visit(type, attribute)` for each attribute behind the header of `message`.
template <typename Header, typename Visit>
void each_attribute(const nlmsghdr& message, Visit visit) {
    mnl_attr_parse(
        &message, sizeof(Header),
        [](const nlattr* attribute, void* data) {
            (*static_cast<Visit*>(data))(mnl_attr_get_type(attribute), attribute);
            return MNL_CB_OK;
        },
        &visit);
}

} // namespace

std::expected<std::unique_ptr<KernelTables>, std::string> KernelTables::open(std::vector<int> indices,
                                                                             Sink sink) {
    mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket == nullptr)
        return std::unexpected(std::string("netlink cannot be opened: ") + std::strerror(errno));
    const unsigned groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
                            RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) != 0) {
        const std::string reason = std::strerror(errno);
        mnl_socket_close(socket);
        return std::unexpected("netlink cannot be bound: " + reason);
    }
    return std::unique_ptr<KernelTables>(new KernelTables(socket, std::move(indices), std::move(sink)));
}

KernelTables::KernelTables(mnl_socket* socket, std::vector<int> indices, Sink sink)
    : socket_(socket)
    , indices_(std::move(indices))
    , sink_(std::move(sink))
    , buffer_(buffer_octets) {}

KernelTables::~KernelTables() {
    mnl_socket_close(socket_);
}

int KernelTables::descriptor() const {
    return mnl_socket_get_fd(socket_);
}

bool KernelTables::segment_of(std::uint32_t index, Segment& segment) const {
    const auto found = std::ranges::find(indices_, static_cast<int>(index));
    if (found == indices_.end() || index == 0)
        return false;
    segment = static_cast<Segment>(found - indices_.begin());
    return true;
}

void KernelTables::repeat() {
    lost_ = false;
    permanent_.clear();
    sink_({});
    for (const std::uint8_t family : std::array<std::uint8_t, 2>{AF_INET, AF_INET6})
        for (const std::uint16_t type : std::array<std::uint16_t, 3>{RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH})
            if (!dump(type, family))
                lost_ = true; // again with the next follow()
}

bool KernelTables::dump(std::uint16_t type, std::uint8_t family) {
    std::array<char, 256> request{};
    nlmsghdr* header = mnl_nlmsg_put_header(request.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = ++sequence_;
    // The three headers begin with the family; the longest is given for all.
    auto* route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
    route->rtm_family = family;
    if (mnl_socket_sendto(socket_, header, header->nlmsg_len) < 0)
        return false;
    return receive(true);
}

/// Takes what has come; after a dump's request, until its end.
bool KernelTables::receive(bool until_done) {
    for (;;) {
        const ssize_t length = mnl_socket_recvfrom(socket_, buffer_.data(), buffer_.size());
        if (length < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN) // the kernel answers a dump at once
                return !until_done;
            lost_ = lost_ || errno == ENOBUFS;
            return false;
        }
        int left = static_cast<int>(length);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
             mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
            const bool ours = message->nlmsg_seq == sequence_;
            if (ours && message->nlmsg_type == NLMSG_DONE && until_done)
                return true;
            if (ours && message->nlmsg_type == NLMSG_ERROR && until_done)
                return false;
            take(*message);
        }
    }
}

void KernelTables::follow() {
    receive(false);
    if (lost_)
        repeat();
}

void KernelTables::take(const nlmsghdr& message) {
    switch (message.nlmsg_type) {
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        take_neighbour(message);
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        take_route(message);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        take_address(message);
        break;
    default:
        break;
    }
}

void KernelTables::take_neighbour(const nlmsghdr& message) {
    if (message.nlmsg_len < mnl_nlmsg_size(sizeof(ndmsg)))
        return;
    const auto* head = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message));
    HopChange change;
    if (!segment_of(static_cast<std::uint32_t>(head->ndm_ifindex), change.segment))
        return;
    bool known = false;
    each_attribute<ndmsg>(message, [&](std::uint16_t type, const nlattr* attribute) {
        if (type == NDA_DST)
            change.address = address_of(attribute, head->ndm_family);
        if (type == NDA_LLADDR && mnl_attr_get_payload_len(attribute) == change.mac.octets.size()) {
            std::memcpy(change.mac.octets.data(), mnl_attr_get_payload(attribute), change.mac.octets.size());
            known = true;
        }
    });
    if (change.address.family == wire::Family::none)
        return;
    const bool valid = message.nlmsg_type == RTM_NEWNEIGH && known && (head->ndm_state & valid_states) != 0;
    change.what = valid ? HopChange::What::neighbour : HopChange::What::neighbour_gone;
    if (valid && (head->ndm_state & NUD_PERMANENT) != 0)
        permanent_.emplace(change.segment, change.address);
    else
        permanent_.erase({change.segment, change.address});
    sink_(change);
}

void KernelTables::take_route(const nlmsghdr& message) {
    if (message.nlmsg_len < mnl_nlmsg_size(sizeof(rtmsg)))
        return;
    const auto* head = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
    if (head->rtm_type != RTN_UNICAST || head->rtm_table != RT_TABLE_MAIN ||
        (head->rtm_flags & RTM_F_CLONED) != 0)
        return;
    HopChange change;
    change.length = head->rtm_dst_len;
    change.address = nothing_of(head->rtm_family);
    bool ours = false;
    const auto take_hop = [&](std::uint16_t type, const nlattr* attribute) {
        if (type == RTA_GATEWAY)
            change.gateway = address_of(attribute, head->rtm_family);
        if (type == RTA_OIF)
            ours = segment_of(mnl_attr_get_u32(attribute), change.segment);
    };
    each_attribute<rtmsg>(message, [&](std::uint16_t type, const nlattr* attribute) {
        if (type == RTA_DST)
            change.address = address_of(attribute, head->rtm_family);
        else
            take_hop(type, attribute);
    });
    if (!ours)
        return;
    change.what = message.nlmsg_type == RTM_NEWROUTE ? HopChange::What::route : HopChange::What::route_gone;
    sink_(change);
}

void KernelTables::take_address(const nlmsghdr& message) {
    if (message.nlmsg_len < mnl_nlmsg_size(sizeof(ifaddrmsg)))
        return;
    const auto* head = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
    HopChange change;
    // Addresses of all interfaces are the kernel's own, whichever port their packets come in on.
    each_attribute<ifaddrmsg>(message, [&](std::uint16_t type, const nlattr* attribute) {
        if (type == IFA_LOCAL || (type == IFA_ADDRESS && change.address.family == wire::Family::none))
            change.address = address_of(attribute, head->ifa_family);
    });
    if (change.address.family == wire::Family::none)
        return;
    change.what = message.nlmsg_type == RTM_NEWADDR ? HopChange::What::own : HopChange::What::own_gone;
    sink_(change);
}

void KernelTables::look_for(Segment segment, const wire::IpAddress& address) {
    // The kernel would take this for a wish to find it out anew.
    if (permanent_.contains({segment, address}))
        return;
    std::array<char, 256> request{};
    nlmsghdr* header = mnl_nlmsg_put_header(request.data());
    header->nlmsg_type = RTM_NEWNEIGH;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
    header->nlmsg_seq = 0; // nobody waits for an answer
    auto* head = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ndmsg)));
    head->ndm_family = address.is_v4() ? AF_INET : AF_INET6;
    head->ndm_ifindex = indices_[static_cast<std::size_t>(segment)];
    head->ndm_state = NUD_NONE;
    head->ndm_flags = NTF_USE; // as if a packet were on its way there
    mnl_attr_put(header, NDA_DST, address.size(), address.octets.data());
    mnl_socket_sendto(socket_, header, header->nlmsg_len);
}

} // namespace tandem::dpdk
