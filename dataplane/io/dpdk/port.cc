// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/port.hh"

#include "dataplane/io/dpdk/eal.hh"

#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem::dpdk {
namespace {

constexpr int socket_numbers_max = 4096;

std::unexpected<std::string> refused(const std::string& name, const char* what, int error) {
    return std::unexpected("port " + name + ": " + what + ": " + ::rte_strerror(-error));
}

/// Is the descriptor one that a device of DPDK receives on from this interface?
bool receives_from(int descriptor, int index) {
    int domain = 0;
    socklen_t length = sizeof domain;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0)
        return false;
    sockaddr_ll address{};
    length = sizeof address;
    return domain == AF_PACKET &&
           ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
           address.sll_ifindex == index;
}

/// IFF_RUNNING: up, and with a carrier.
bool is_running(const std::string& interface) {
    const int control = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::memcpy(request.ifr_name, interface.data(), std::min(interface.size(), sizeof(request.ifr_name) - 1));
    const bool known = ::ioctl(control, SIOCGIFFLAGS, &request) == 0;
    ::close(control);
    return known && (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

} // namespace

QueueEvents::QueueEvents(std::uint16_t port, std::uint16_t queue)
    : port_(port)
    , queue_(queue)
    , descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (valid() && ::rte_eth_dev_rx_intr_ctl_q(port, queue, descriptor_, RTE_INTR_EVENT_ADD, nullptr) != 0)
        ::close(std::exchange(descriptor_, -1));
}

QueueEvents::~QueueEvents() {
    if (!valid())
        return;
    ::rte_eth_dev_rx_intr_ctl_q(port_, queue_, descriptor_, RTE_INTR_EVENT_DEL, nullptr);
    ::close(descriptor_);
}

void QueueEvents::quiet() const {
    rte_epoll_event event;
    ::rte_epoll_wait(descriptor_, &event, 1, 0);
}

std::expected<Port, std::string> Port::open(const contract::PortSetup& setup, rte_mempool* pool,
                                            std::uint16_t workers, contract::Idle idle,
                                            std::uint16_t transmit_descriptors) {
    Port port;
    port.setup_ = setup;
    port.name_ = device_name(setup);
    port.interface_ = device_interface(setup);
    if (::rte_eth_dev_get_port_by_name(port.name_.c_str(), &port.id_) != 0)
        return std::unexpected("port " + port.name_ + ": DPDK found no such device" +
                               (is_pci(setup) ? ": is it bound to vfio-pci?" : ""));
    if (const auto done = port.configure(pool, workers, idle, transmit_descriptors); !done)
        return std::unexpected(done.error());
    rte_ether_addr mac{};
    ::rte_eth_macaddr_get(port.id_, &mac);
    std::copy_n(mac.addr_bytes, port.mac_.octets.size(), port.mac_.octets.begin());
    port.find_descriptors();
    return port;
}

std::expected<void, std::string> Port::configure(rte_mempool* pool, std::uint16_t workers,
                                                 contract::Idle idle, std::uint16_t transmit_descriptors) {
    rte_eth_dev_info info{};
    if (const int error = ::rte_eth_dev_info_get(id_, &info); error != 0)
        return refused(name_, "does not say what it can", error);
    // The kernel spreads over all sockets of such a device, whoever reads them. Of a TAP (net_tap) only the
    // queues that are set up take part.
    if (name_.starts_with("net_af_") && info.max_rx_queues > workers)
        return std::unexpected("port " + name_ + ": has " + std::to_string(info.max_rx_queues) +
                               " queues for " + std::to_string(workers) +
                               " workers: what comes in on the others would be lost; name as many cores, or "
                               "fewer queues in its device");
    receive_queues_ = std::max<std::uint16_t>(1, std::min(workers, info.max_rx_queues));
    transmit_queues_ = std::max<std::uint16_t>(1, std::min(workers, info.max_tx_queues));
    rte_eth_conf conf{};
    SymmetricRss rss;
    rss.ask(conf, info, receive_queues_);
    if (idle != contract::Idle::poll && interface_.empty())
        conf.intr_conf.rxq = 1;
    int error = ::rte_eth_dev_configure(id_, receive_queues_, transmit_queues_, &conf);
    if (error != 0 && conf.intr_conf.rxq != 0) { // many devices have no receive interrupt
        conf.intr_conf.rxq = 0;
        error = ::rte_eth_dev_configure(id_, receive_queues_, transmit_queues_, &conf);
    }
    if (error != 0)
        return refused(name_, "cannot be configured", error);
    if (conf.intr_conf.rxq != 0)
        waiting_ = Waiting::interrupt;
    if (auto done = set_up_queues(pool, transmit_descriptors); !done)
        return done;
    // Some devices are of one size only; then the configured MTU is a promise of the operator.
    if (error = ::rte_eth_dev_set_mtu(id_, setup_.mtu); error != 0 && error != -ENOTSUP)
        return refused(name_, "does not take its MTU", error);
    if (error = ::rte_eth_dev_start(id_); error != 0)
        return refused(name_, "cannot be started", error);
    rss_ = rss.settle(id_, info);
    // Group addresses: ARP is broadcast, neighbour discovery multicast. Devices that receive everything by
    // themselves say that they cannot.
    ::rte_eth_allmulticast_enable(id_);
    return {};
}

std::expected<void, std::string> Port::set_up_queues(rte_mempool* pool, std::uint16_t transmit_descriptors) {
    std::uint16_t receive_descriptors = descriptors_wanted;
    ::rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive_descriptors, &transmit_descriptors);
    const auto socket = static_cast<unsigned>(std::max(0, ::rte_eth_dev_socket_id(id_)));
    for (std::uint16_t queue = 0; queue < receive_queues_; ++queue)
        if (const int error =
                ::rte_eth_rx_queue_setup(id_, queue, receive_descriptors, socket, nullptr, pool);
            error != 0)
            return refused(name_, "has no receive queue", error);
    for (std::uint16_t queue = 0; queue < transmit_queues_; ++queue)
        if (const int error = ::rte_eth_tx_queue_setup(id_, queue, transmit_descriptors, socket, nullptr);
            error != 0)
            return refused(name_, "has no transmit queue", error);
    return {};
}

/// What the workers can sleep on. Devices that read a kernel interface do not tell their sockets, but their
/// sockets tell what they read.
void Port::find_descriptors() {
    descriptors_.assign(receive_queues_, -1);
    if (waiting_ == Waiting::interrupt) {
        for (std::uint16_t queue = 0; queue < receive_queues_; ++queue) {
            events_.push_back(std::make_unique<QueueEvents>(id_, queue));
            descriptors_[queue] = events_.back()->descriptor();
        }
        if (std::ranges::all_of(events_, [](const auto& events) { return events->valid(); }))
            return;
        waiting_ = Waiting::blind;
        events_.clear();
        descriptors_.assign(receive_queues_, -1);
    }
    const int index = interface_.empty() ? 0 : static_cast<int>(::if_nametoindex(interface_.c_str()));
    std::uint16_t queue = 0;
    for (int descriptor = 0; index != 0 && descriptor < socket_numbers_max && queue < receive_queues_;
         ++descriptor)
        if (receives_from(descriptor, index))
            descriptors_[queue++] = descriptor;
    if (queue == receive_queues_)
        waiting_ = Waiting::descriptor;
}

void Port::close() {
    events_.clear();
    ::rte_eth_dev_stop(id_);
    ::rte_eth_dev_close(id_);
}

std::uint16_t Port::receive(std::uint16_t queue, rte_mbuf** packets, std::uint16_t count) {
    return ::rte_eth_rx_burst(id_, queue, packets, count);
}

std::uint16_t Port::transmit(std::uint16_t queue, rte_mbuf** packets, std::uint16_t count) {
    return ::rte_eth_tx_burst(id_, queue, packets, count);
}

Missed Port::arm(std::uint16_t queue) {
    if (waiting_ != Waiting::interrupt)
        return Missed::no;
    ::rte_eth_dev_rx_intr_enable(id_, queue);
    const int waiting = ::rte_eth_rx_queue_count(id_, queue);
    if (waiting < 0)
        return Missed::perhaps;
    return waiting > 0 ? Missed::yes : Missed::no;
}

void Port::disarm(std::uint16_t queue) {
    if (waiting_ != Waiting::interrupt)
        return;
    ::rte_eth_dev_rx_intr_disable(id_, queue);
    events_[queue]->quiet();
}

bool Port::link() const {
    if (!interface_.empty())
        return is_running(interface_);
    rte_eth_link link{};
    return ::rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

void Port::report(contract::PortStatus& status, std::int64_t now_ns) const {
    const auto put = [](auto& field, auto value) {
        field.store(static_cast<typename std::remove_reference_t<decltype(field)>::value_type>(value),
                    std::memory_order_relaxed);
    };
    rte_eth_link link{};
    ::rte_eth_link_get_nowait(id_, &link);
    put(status.present, 1);
    put(status.queues, std::max(receive_queues_, transmit_queues_));
    put(status.speed_mbps, link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed);
    if (const std::uint32_t up = this->link() ? 1 : 0;
        up != status.link.load(std::memory_order_relaxed) || status.link_since_ns.load() == 0) {
        put(status.link, up);
        put(status.link_since_ns, now_ns);
    }
    rte_eth_stats stats{};
    if (::rte_eth_stats_get(id_, &stats) != 0)
        return;
    put(status.received, stats.ipackets);
    put(status.received_octets, stats.ibytes);
    put(status.sent, stats.opackets);
    put(status.sent_octets, stats.obytes);
    put(status.missed, stats.imissed);
    put(status.receive_errors, stats.ierrors);
    put(status.no_buffer, stats.rx_nombuf);
    put(status.transmit_errors, stats.oerrors);
    const std::size_t queues = std::max(receive_queues_, transmit_queues_);
    for (std::size_t queue = 0; queue < std::min(queues, contract::port_queues_max); ++queue) {
        put(status.queue[queue].received, stats.q_ipackets[queue]);
        put(status.queue[queue].sent, stats.q_opackets[queue]);
    }
}

} // namespace tandem::dpdk
