// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/request.hh"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstring>
#include <span>

namespace tandem::netlink {

namespace {

std::uint8_t kernel_family(wire::Family family) {
    switch (family) {
    case wire::Family::ipv4:
        return AF_INET;
    case wire::Family::ipv6:
        return AF_INET6;
    case wire::Family::none:
        break;
    }
    return AF_UNSPEC;
}

} // namespace

Lifetime lease_of(const wire::IpAddress& vip) {
    const auto seconds = static_cast<std::uint32_t>(vip_lease.count());
    return {.valid = seconds, .preferred = vip.is_v6() ? 0U : seconds};
}

/// One request under construction at the end of the batch. It becomes part of the batch by `finish`.
class RequestWriter::Request {
public:
    template <typename Header>
    Request(Batch& batch, std::uint16_t type, std::uint16_t flags, const Header& header)
        : batch_(batch) {
        nlmsghdr message{};
        message.nlmsg_type = type;
        message.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        append(&message, sizeof message);
        append(&header, sizeof header);
    }

    void attribute(std::uint16_t type, std::span<const std::uint8_t> value) {
        const rtattr header{.rta_len = static_cast<unsigned short>(RTA_LENGTH(value.size())),
                            .rta_type = type};
        append(&header, sizeof header);
        append(value.data(), value.size());
    }
    void attribute(std::uint16_t type, std::uint32_t value) {
        std::array<std::uint8_t, sizeof value> bytes{};
        std::memcpy(bytes.data(), &value, sizeof value);
        attribute(type, bytes);
    }

    bool finish() {
        if (overflow_)
            return false;
        std::memcpy(batch_.bytes.data() + batch_.length + offsetof(nlmsghdr, nlmsg_len), &length_,
                    sizeof length_);
        batch_.length += length_;
        ++batch_.requests;
        return true;
    }

private:
    /// Everything in netlink is aligned to four octets; what is skipped is zero, as the batch was at the
    /// start.
    void append(const void* data, std::size_t size) {
        const std::size_t start = batch_.length + length_;
        const std::size_t aligned = NLMSG_ALIGN(size);
        if (overflow_ || aligned > Batch::size_max - start) {
            overflow_ = true;
            return;
        }
        std::memset(batch_.bytes.data() + start, 0, aligned);
        std::memcpy(batch_.bytes.data() + start, data, size);
        length_ += static_cast<std::uint32_t>(aligned);
    }

    Batch& batch_;
    std::uint32_t length_{0};
    bool overflow_{false};
};

RequestWriter::RequestWriter(Batch& batch)
    : batch_(batch) {
    batch_ = Batch{};
}

bool RequestWriter::put_address(const wire::Prefix& address, int interface_index, Lifetime lifetime) {
    if (address.address.size() == 0)
        return false;
    // The connected route belongs to the host's own address; a VIP brings none that would go away with it. A
    // VIP is known to be ours, so duplicate address detection (RFC 4862 section 5.4) would only delay it by a
    // second.
    const std::uint32_t flags =
        address.address.is_v6() ? IFA_F_NODAD | IFA_F_NOPREFIXROUTE : IFA_F_NOPREFIXROUTE;
    ifaddrmsg header{};
    header.ifa_family = kernel_family(address.address.family);
    header.ifa_prefixlen = address.length;
    header.ifa_flags = static_cast<std::uint8_t>(flags & 0xffU);
    header.ifa_scope = RT_SCOPE_UNIVERSE;
    header.ifa_index = static_cast<std::uint32_t>(interface_index);
    Request request(batch_, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, header);
    request.attribute(IFA_LOCAL, address.address.bytes());
    request.attribute(IFA_ADDRESS, address.address.bytes());
    request.attribute(IFA_FLAGS, flags);
    const ifa_cacheinfo cache{
        .ifa_prefered = lifetime.preferred, .ifa_valid = lifetime.valid, .cstamp = 0, .tstamp = 0};
    std::array<std::uint8_t, sizeof cache> bytes{};
    std::memcpy(bytes.data(), &cache, sizeof cache);
    request.attribute(IFA_CACHEINFO, bytes);
    return request.finish();
}

bool RequestWriter::delete_address(const wire::Prefix& address, int interface_index) {
    if (address.address.size() == 0)
        return false;
    ifaddrmsg header{};
    header.ifa_family = kernel_family(address.address.family);
    header.ifa_prefixlen = address.length;
    header.ifa_index = static_cast<std::uint32_t>(interface_index);
    Request request(batch_, RTM_DELADDR, 0, header);
    // IPv4 without IFA_ADDRESS: the kernel then takes the address away whatever its prefix length is.
    request.attribute(IFA_LOCAL, address.address.bytes());
    return request.finish();
}

namespace {

fib_rule_hdr rule_header(const wire::IpAddress& source) {
    fib_rule_hdr header{};
    header.family = kernel_family(source.family);
    header.src_len = static_cast<std::uint8_t>(source.bits());
    header.action = FR_ACT_TO_TBL;
    return header;
}

rtmsg route_header(const DefaultRoute& route) {
    rtmsg header{};
    header.rtm_family = kernel_family(route.family);
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_type = route.kind == RouteKind::blackhole ? RTN_BLACKHOLE : RTN_UNICAST;
    header.rtm_scope = route.kind == RouteKind::through_interface && route.family == wire::Family::ipv4
                           ? RT_SCOPE_LINK
                           : RT_SCOPE_UNIVERSE;
    return header;
}

} // namespace

bool RequestWriter::add_rule(const wire::IpAddress& source, std::uint32_t table, std::uint32_t priority) {
    if (source.size() == 0)
        return false;
    Request request(batch_, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule_header(source));
    request.attribute(FRA_SRC, source.bytes());
    request.attribute(FRA_PRIORITY, priority);
    request.attribute(FRA_TABLE, table);
    return request.finish();
}

bool RequestWriter::delete_rule(const wire::IpAddress& source, std::uint32_t table, std::uint32_t priority) {
    if (source.size() == 0)
        return false;
    Request request(batch_, RTM_DELRULE, 0, rule_header(source));
    request.attribute(FRA_SRC, source.bytes());
    request.attribute(FRA_PRIORITY, priority);
    request.attribute(FRA_TABLE, table);
    return request.finish();
}

bool RequestWriter::put_route(const DefaultRoute& route) {
    if (route.family == wire::Family::none)
        return false;
    Request request(batch_, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route_header(route));
    request.attribute(RTA_TABLE, route.table);
    request.attribute(RTA_PRIORITY, route.metric);
    if (route.kind == RouteKind::through_interface)
        request.attribute(RTA_OIF, static_cast<std::uint32_t>(route.interface_index));
    return request.finish();
}

bool RequestWriter::delete_route(const DefaultRoute& route) {
    if (route.family == wire::Family::none)
        return false;
    rtmsg header = route_header(route);
    header.rtm_scope = RT_SCOPE_NOWHERE; // any
    Request request(batch_, RTM_DELROUTE, 0, header);
    request.attribute(RTA_TABLE, route.table);
    request.attribute(RTA_PRIORITY, route.metric);
    if (route.kind == RouteKind::through_interface)
        request.attribute(RTA_OIF, static_cast<std::uint32_t>(route.interface_index));
    return request.finish();
}

bool RequestWriter::set_link_up(int interface_index) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = interface_index;
    header.ifi_flags = IFF_UP;
    header.ifi_change = IFF_UP;
    return Request(batch_, RTM_NEWLINK, 0, header).finish();
}

bool RequestWriter::delete_link(int interface_index) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = interface_index;
    return Request(batch_, RTM_DELLINK, 0, header).finish();
}

} // namespace tandem::netlink
