// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/holders.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>

namespace tandem::phone {

namespace {

volatile std::sig_atomic_t stop_asked = 0;
void ask_stop(int) {
    stop_asked = 1;
}

struct Station {
    std::string name;
    int fd{-1};
    unsigned interface { 0 };
    std::set<std::string> held;
};

std::unexpected<std::string> failed(const std::string& what) {
    return std::unexpected(what + ": " + std::strerror(errno));
}

void say(const std::string& line) {
    // One write a line: a reader never sees half of one.
    [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, line.data(), line.size());
}

std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

/// The index of the interface in the namespace this thread is in; 0 when there is none.
unsigned interface_index(const std::string& name) {
    return ::if_nametoindex(name.c_str());
}

std::expected<Station, std::string> open_station(const std::string& name, const std::string& interface) {
    Station station;
    station.name = name;
    const std::string file = "/run/netns/" + name;
    const int ns = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (ns < 0)
        return failed(file);
    const int entered = ::setns(ns, CLONE_NEWNET);
    ::close(ns);
    if (entered != 0)
        return failed(file);
    station.interface = interface_index(interface);
    if (station.interface == 0)
        return std::unexpected(name + " has no interface " + interface);
    station.fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (station.fd < 0)
        return failed("netlink");
    const int room = 8 << 20;
    ::setsockopt(station.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (::bind(station.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return failed("netlink");
    struct {
        nlmsghdr header;
        ifaddrmsg body;
    } dump{};
    dump.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifaddrmsg));
    dump.header.nlmsg_type = RTM_GETADDR;
    dump.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    dump.body.ifa_family = AF_UNSPEC;
    if (::send(station.fd, &dump, dump.header.nlmsg_len, 0) < 0)
        return failed("netlink");
    return station;
}

std::string address_text(const ifaddrmsg* body, std::size_t size) {
    std::string local;
    std::string address;
    for (const rtattr* a = IFA_RTA(body); RTA_OK(a, size); a = RTA_NEXT(a, size)) {
        if (a->rta_type != IFA_LOCAL && a->rta_type != IFA_ADDRESS)
            continue;
        if (RTA_PAYLOAD(a) < (body->ifa_family == AF_INET ? 4U : 16U))
            continue;
        char text[INET6_ADDRSTRLEN] = {};
        ::inet_ntop(body->ifa_family, RTA_DATA(a), text, sizeof text);
        (a->rta_type == IFA_LOCAL ? local : address) = text;
    }
    return local.empty() ? address : local;
}

void note(Station& station, const nlmsghdr* header, const std::vector<std::string>& wanted) {
    if (header->nlmsg_type != RTM_NEWADDR && header->nlmsg_type != RTM_DELADDR)
        return;
    const auto* body = static_cast<const ifaddrmsg*>(NLMSG_DATA(header));
    if (body->ifa_index != station.interface)
        return;
    const std::string address = address_text(body, IFA_PAYLOAD(header));
    if (std::ranges::find(wanted, address) == wanted.end())
        return;
    const bool added = header->nlmsg_type == RTM_NEWADDR;
    const bool changed = added ? station.held.insert(address).second : station.held.erase(address) != 0;
    if (changed)
        say(std::to_string(now_ns()) + " " + station.name + (added ? " + " : " - ") + address + "\n");
}

/// Reads one datagram; true when it ended a dump.
std::expected<bool, std::string> read_events(Station& station, const std::vector<std::string>& wanted) {
    alignas(nlmsghdr) std::array<char, 32768> buffer;
    const ssize_t size = ::recv(station.fd, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR)
        return false;
    if (size < 0)
        return failed("events of " + station.name); // ENOBUFS too: a record with a hole proves nothing
    auto left = static_cast<unsigned>(size);
    for (const auto* h = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(h, left);
         h = NLMSG_NEXT(h, left)) {
        if (h->nlmsg_type == NLMSG_DONE)
            return true;
        note(station, h, wanted);
    }
    return false;
}

} // namespace

std::expected<void, std::string> watch_holders(const HoldersSettings& settings) {
    struct sigaction action {};
    action.sa_handler = ask_stop;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    std::vector<Station> stations;
    std::vector<pollfd> polled;
    for (const std::string& name : settings.namespaces) {
        auto station = open_station(name, settings.interface);
        if (!station)
            return std::unexpected(station.error());
        for (bool done = false; !done;) {
            const auto read = read_events(*station, settings.addresses);
            if (!read)
                return std::unexpected(read.error());
            done = *read;
        }
        polled.push_back({station->fd, POLLIN, 0});
        stations.push_back(std::move(*station));
    }
    say("ready\n");
    while (stop_asked == 0) {
        if (::poll(polled.data(), polled.size(), -1) < 0)
            continue;
        for (std::size_t i = 0; i < polled.size(); ++i) {
            if (polled[i].revents == 0)
                continue;
            if (const auto read = read_events(stations[i], settings.addresses); !read)
                return std::unexpected(read.error());
        }
    }
    return {};
}

} // namespace tandem::phone
