// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/cache.hh"
#include "netlink/kernel.hh"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <utility>
#include <variant>

namespace tandem::netlink {

namespace {

constexpr int receive_buffer_octets = 1 << 20;
/// Messages read in one go, so that a storm of changes does not keep the service loop from its other work.
constexpr std::size_t reads_max = 256;

using Change = std::variant<Monitor::LinkChange, Monitor::AddressChange>;

std::optional<Change> link_change(nlmsghdr* header) {
    if (nlmsg_valid_hdr(header, sizeof(ifinfomsg)) == 0)
        return std::nullopt;
    const auto* link = static_cast<const ifinfomsg*>(nlmsg_data(header));
    // A bridge reports its ports under its own family; "deleted" there means "no longer a port".
    if (link->ifi_family != AF_UNSPEC)
        return std::nullopt;
    const bool gone = header->nlmsg_type == RTM_DELLINK;
    return Monitor::LinkChange{.index = link->ifi_index,
                               .up = !gone && (link->ifi_flags & IFF_UP) != 0,
                               .carrier = !gone && (link->ifi_flags & IFF_LOWER_UP) != 0};
}

std::optional<Change> address_change(nlmsghdr* header) {
    if (nlmsg_valid_hdr(header, sizeof(ifaddrmsg)) == 0)
        return std::nullopt;
    const auto* entry = static_cast<const ifaddrmsg*>(nlmsg_data(header));
    // IFA_ADDRESS is the other end on a point-to-point link; where there is IFA_LOCAL, that is ours.
    nlattr* attribute = nlmsg_find_attr(header, sizeof(ifaddrmsg), IFA_LOCAL);
    if (attribute == nullptr)
        attribute = nlmsg_find_attr(header, sizeof(ifaddrmsg), IFA_ADDRESS);
    if (attribute == nullptr)
        return std::nullopt;
    const auto address =
        address_from(entry->ifa_family, {static_cast<const std::uint8_t*>(nla_data(attribute)),
                                         static_cast<std::size_t>(nla_len(attribute))});
    if (address.size() == 0)
        return std::nullopt;
    return Monitor::AddressChange{.index = static_cast<int>(entry->ifa_index),
                                  .address = address,
                                  .present = header->nlmsg_type == RTM_NEWADDR};
}

std::optional<Change> change_of(nlmsghdr* header) {
    switch (header->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        return link_change(header);
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return address_change(header);
    default:
        return std::nullopt;
    }
}

class LibraryMonitor final : public Monitor {
public:
    explicit LibraryMonitor(Handlers handlers)
        : handlers_(std::move(handlers)) {}

    std::expected<void, Error> start() {
        auto socket = connect_route();
        if (!socket)
            return std::unexpected(socket.error());
        socket_ = std::move(*socket);
        nl_socket_disable_seq_check(socket_.get());
        nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, &LibraryMonitor::collect, this);
        const int size = receive_buffer_octets;
        if (::setsockopt(descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
            static_cast<void>(::setsockopt(descriptor(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
        int result = nl_socket_set_nonblocking(socket_.get());
        if (result >= 0)
            result = nl_socket_add_memberships(socket_.get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                               RTNLGRP_IPV6_IFADDR, 0);
        if (result < 0)
            return std::unexpected(library_error(result, "cannot listen to link and address changes"));
        return {};
    }

    int descriptor() const override { return nl_socket_get_fd(socket_.get()); }

    void read() override {
        bool overrun = false;
        for (std::size_t i = 0; i < reads_max; ++i) {
            const int result = nl_recvmsgs_default(socket_.get());
            if (result == -NLE_AGAIN)
                break;
            // NLE_NOMEM is the kernel's ENOBUFS. After any other failure, too, something may have been
            // missed.
            overrun = overrun || result < 0;
        }
        // Handlers run here and not in the library's callback, so that an exception does not pass through C.
        for (const auto& change : std::exchange(changes_, {})) {
            if (const auto* link = std::get_if<LinkChange>(&change); link != nullptr && handlers_.link)
                handlers_.link(*link);
            if (const auto* address = std::get_if<AddressChange>(&change);
                address != nullptr && handlers_.address)
                handlers_.address(*address);
        }
        if (overrun && handlers_.overrun)
            handlers_.overrun();
    }

private:
    static int collect(nl_msg* message, void* self) {
        if (const auto change = change_of(nlmsg_hdr(message)))
            static_cast<LibraryMonitor*>(self)->changes_.push_back(*change);
        return NL_OK;
    }

    Handlers handlers_;
    SocketOwner socket_;
    std::vector<Change> changes_;
};

} // namespace

std::expected<std::unique_ptr<Monitor>, Error> Monitor::open(Handlers handlers) {
    auto monitor = std::make_unique<LibraryMonitor>(std::move(handlers));
    if (auto started = monitor->start(); !started)
        return std::unexpected(started.error());
    return monitor;
}

} // namespace tandem::netlink
