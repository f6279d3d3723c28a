// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/netlink/world.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/udp.hh"
#include "netlink/observe.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

namespace tandem::testing {

namespace {

constexpr std::uint16_t marker_port = 9999;

wire::IpAddress address(const char* text) {
    return wire::IpAddress::parse(text).value();
}

bool readable(int fd, std::chrono::milliseconds limit) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length{0};
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress socket_address(const wire::IpAddress& ip, std::uint16_t port) {
    SocketAddress result;
    if (ip.is_v4()) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        std::memcpy(&to.sin_addr, ip.octets.data(), 4);
        std::memcpy(&result.storage, &to, sizeof to);
        result.length = sizeof to;
    } else {
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(port);
        std::memcpy(&to.sin6_addr, ip.octets.data(), 16);
        std::memcpy(&result.storage, &to, sizeof to);
        result.length = sizeof to;
    }
    return result;
}

netlink::BatchSocket open_batches() {
    auto socket = netlink::BatchSocket::open();
    BOOST_REQUIRE_MESSAGE(socket.has_value(), "opening a batch socket");
    return std::move(*socket);
}

} // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        ::poll(nullptr, 0, 2);
    }
    return true;
}

void run(const std::string& command) {
    BOOST_REQUIRE_MESSAGE(std::system(command.c_str()) == 0, "this command failed: " + command);
}

std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    BOOST_REQUIRE(pipe != nullptr);
    std::string output;
    std::array<char, 512> part{};
    while (std::fgets(part.data(), static_cast<int>(part.size()), pipe.get()) != nullptr)
        output += part.data();
    return output;
}

Descriptor::Descriptor(Descriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}
Descriptor::~Descriptor() {
    if (fd_ >= 0)
        ::close(fd_);
}

Namespace::Namespace() {
    int fd = -1;
    // In a thread of its own: the namespace that it leaves is that of the other threads.
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) == 0)
            fd = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }).join();
    fd_ = Descriptor(fd);
    BOOST_REQUIRE_MESSAGE(fd >= 0, "a network namespace cannot be made: these tests must run as root");
}

Inside::Inside(const Namespace& where)
    : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    BOOST_REQUIRE_EQUAL(::setns(where.descriptor(), CLONE_NEWNET), 0);
}
Inside::~Inside() {
    if (::setns(before_.get(), CLONE_NEWNET) != 0)
        std::abort();
}

UdpSocket::UdpSocket(const wire::IpAddress& ip, std::uint16_t port)
    : fd_(::socket(ip.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    auto own = socket_address(ip, port);
    BOOST_REQUIRE_MESSAGE(::bind(fd_.get(), own.get(), own.length) == 0,
                          "binding to " + ip.to_string() + ": " + std::strerror(errno));
}

void UdpSocket::connect(const wire::IpAddress& ip, std::uint16_t port) {
    auto to = socket_address(ip, port);
    BOOST_REQUIRE_EQUAL(::connect(fd_.get(), to.get(), to.length), 0);
}

void UdpSocket::send(const std::string& text) const {
    // A refusal by routing is one of the ways in which nothing leaves.
    static_cast<void>(::send(fd_.get(), text.data(), text.size(), 0));
}

void UdpSocket::send_to(const std::string& text, const wire::IpAddress& ip, std::uint16_t port) const {
    auto to = socket_address(ip, port);
    static_cast<void>(::sendto(fd_.get(), text.data(), text.size(), 0, to.get(), to.length));
}

std::optional<std::string> UdpSocket::receive(std::chrono::milliseconds limit,
                                              const std::string& answer) const {
    if (!readable(fd_.get(), limit))
        return std::nullopt;
    std::array<char, 2048> buffer{};
    SocketAddress from;
    from.length = sizeof from.storage;
    const ssize_t length = ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, from.get(), &from.length);
    if (length < 0)
        return std::nullopt;
    if (!answer.empty())
        static_cast<void>(::sendto(fd_.get(), answer.data(), answer.size(), 0, from.get(), from.length));
    return std::string(buffer.data(), static_cast<std::size_t>(length));
}

Tun::Tun(const std::string& name)
    : fd_(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)) {
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    BOOST_REQUIRE_MESSAGE(::ioctl(fd_.get(), TUNSETIFF, &request) == 0,
                          "attaching to " + name + ": " + std::strerror(errno));
}

void Tun::write(const std::vector<std::uint8_t>& packet) const {
    BOOST_REQUIRE_EQUAL(::write(fd_.get(), packet.data(), packet.size()),
                        static_cast<ssize_t>(packet.size()));
}

std::optional<Tun::Packet> Tun::read(std::chrono::milliseconds limit) const {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (!readable(fd_.get(), std::max(left, std::chrono::milliseconds{0})))
            return std::nullopt;
        std::array<std::uint8_t, 2048> buffer{};
        const ssize_t length = ::read(fd_.get(), buffer.data(), buffer.size());
        if (length < 0)
            return std::nullopt;
        const auto packet = wire::parse_ip({buffer.data(), static_cast<std::size_t>(length)});
        if (!packet || packet->protocol != wire::protocol_udp)
            continue;
        if (const auto udp = wire::parse_udp(packet->payload))
            return Packet{packet->source, packet->destination,
                          std::string(udp->payload.begin(), udp->payload.end())};
    }
}

std::vector<std::uint8_t> udp_packet(const wire::IpAddress& source, std::uint16_t source_port,
                                     const wire::IpAddress& destination, std::uint16_t destination_port,
                                     const std::string& text) {
    std::vector<std::uint8_t> packet(wire::udp_packet_size(source.family, text.size()));
    const wire::UdpFlow flow{.source = source,
                             .destination = destination,
                             .source_port = source_port,
                             .destination_port = destination_port};
    const std::vector<std::uint8_t> payload(text.begin(), text.end());
    BOOST_REQUIRE_EQUAL(wire::write_udp_packet(packet, flow, payload), packet.size());
    return packet;
}

World::World()
    : node4(address("10.77.0.1"))
    , node6(address("2001:db8:77::1"))
    , host4(address("10.77.0.9"))
    , host6(address("2001:db8:77::9"))
    , vip4(address("10.77.0.100"))
    , vip6(address("2001:db8:77::100"))
    , batches(open_batches()) {
    run("ip link set lo up && ip link add out0 type veth peer name peer0 && ip link set peer0 netns /proc/" +
        std::to_string(::getpid()) + "/fd/" + std::to_string(host_space.descriptor()));
    run("ip link set out0 up && ip addr add 10.77.0.1/24 dev out0 && ip addr add 2001:db8:77::1/64 dev out0 "
        "nodad");
    const Inside host(host_space);
    run("ip link set lo up && ip link set peer0 up && ip addr add 10.77.0.9/24 dev peer0 && "
        "ip addr add 2001:db8:77::9/64 dev peer0 nodad");
}

netlink::ShadowSetup World::setup() const {
    return {.name = "shadow0",
            .route_table = 5060,
            .rule_priority = 100,
            .vips = {vip4, vip6},
            .outside_interfaces = {"out0"}};
}

std::vector<netlink::Placement> World::placements() const {
    netlink::Placement placement{.vip = {vip4, 24},
                                 .interface_index = interface("out0").index,
                                 .egress = netlink::EgressRule{.route_table = 5060, .rule_priority = 100}};
    std::vector<netlink::Placement> result{placement};
    placement.vip = {vip6, 64};
    result.push_back(placement);
    return result;
}

netlink::Batch World::batch(netlink::Transition transition) const {
    const auto prepared = netlink::prepare(transition, placements());
    BOOST_REQUIRE(prepared.has_value());
    return *prepared;
}

void World::perform(netlink::Transition transition) {
    BOOST_REQUIRE_EQUAL(batches.send(batch(transition)), 0);
}

netlink::Interface World::interface(const std::string& name) const {
    const auto interfaces = netlink::list_interfaces();
    BOOST_REQUIRE(interfaces.has_value());
    const auto found = std::ranges::find(*interfaces, name, &netlink::Interface::name);
    return found == interfaces->end() ? netlink::Interface{} : *found;
}

bool World::has(const std::string& interface_name, const wire::IpAddress& ip) const {
    const auto addresses = interface(interface_name).addresses;
    return std::ranges::find(addresses, ip, &wire::Prefix::address) != addresses.end();
}

bool World::has_rule(const wire::IpAddress& source) const {
    const auto rules = netlink::list_rules();
    BOOST_REQUIRE(rules.has_value());
    return std::ranges::any_of(*rules, [&](const netlink::ObservedRule& rule) {
        return rule.source.address == source && rule.table == 5060 && rule.priority == 100;
    });
}

World::Capture::Capture(const World& world)
    : world_(world) {
    const Inside host(world.host_space);
    fd_ = Descriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    BOOST_REQUIRE_GE(fd_.get(), 0);
}

std::size_t World::Capture::from(const wire::IpAddress& source) {
    const UdpSocket marker(world_.node4, marker_port);
    marker.send_to("marker", world_.host4, marker_port);
    std::size_t count = 0;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
        if (!readable(fd_.get(), patience))
            break;
        std::array<std::uint8_t, 2048> buffer{};
        const ssize_t length = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        BOOST_REQUIRE_GT(length, 0);
        const auto frame = wire::parse_ethernet({buffer.data(), static_cast<std::size_t>(length)});
        const auto packet =
            frame ? wire::parse_ip(frame->payload) : std::unexpected(wire::PacketError::truncated);
        if (!packet)
            continue;
        count += packet->source == source ? 1U : 0U;
        const auto udp = wire::parse_udp(packet->payload);
        if (packet->source == world_.node4 && udp && udp->destination_port == marker_port)
            return count;
    }
    BOOST_FAIL("the marker did not arrive");
    return count;
}

} // namespace tandem::testing
