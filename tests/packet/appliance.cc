// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/packet/appliance.hh"

#include "dataplane/path/split.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/octets.hh"
#include "dataplane/wire/udp.hh"
#include "tests/packet/cases.hh"
#include "tests/packet/namespaces.hh"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>

namespace packet_suite {

using namespace tandem;

namespace {

constexpr std::size_t frame_max = 65'536;
constexpr std::string_view outside_mac = "02:00:00:00:09:02";
constexpr std::string_view inside_mac = "02:00:00:00:08:01";
constexpr std::string_view ha_mac = "02:00:00:00:07:01";

template <std::size_t size>
void put(std::array<char, size>& out, std::string_view text) {
    std::copy(text.begin(), text.end(), out.begin());
}

contract::PortSetup port(std::string_view device, std::string_view kernel_interface,
                         const std::vector<std::uint16_t>& tags, std::uint16_t mtu) {
    contract::PortSetup setup;
    put(setup.device, device);
    put(setup.kernel_interface, kernel_interface);
    for (const std::uint16_t tag : tags)
        setup.tags[setup.tag_count++] = tag;
    setup.mtu = mtu;
    return setup;
}

contract::Appliance ports(const ApplianceSetup& setup) {
    contract::Appliance out;
    out.backend = contract::Backend::dpdk;
    out.hugepages = setup.hugepages;
    out.idle = setup.idle;
    out.memory_mb = setup.memory_mb;
    out.mbufs = setup.mbufs;
    out.workers = setup.workers;
    const auto device = [](const char* name, const char* interface, std::uint16_t queues) {
        return std::string{name} + ",iface=" + interface +
               ",framesz=8192,blocksz=65536,framecnt=256,qpairs=" + std::to_string(queues);
    };
    out.outside = port(setup.outside_device.empty() ? device("net_af_packet0", "o", setup.outside_queues)
                                                    : setup.outside_device,
                       "outside0", setup.outside_tags, 1500);
    out.inside = port(setup.inside_device.empty() ? device("net_af_packet1", "i", setup.inside_queues)
                                                  : setup.inside_device,
                      "inside0", setup.inside_tags, setup.inside_mtu);
    if (setup.ha) {
        out.ha[0] = port(device("net_af_packet2", "x", 1), "ha0", setup.ha->tags, 1500);
        out.ha[0].mirror = setup.ha->mirror;
    }
    return out;
}

contract::MirrorEndpoint ends_of(const HaPath& ha) {
    return ha.family == wire::Family::ipv4
               ? contract::MirrorEndpoint{address("10.7.0.1"), address("10.7.0.2")}
               : contract::MirrorEndpoint{address("fd00:7::1"), address("fd00:7::2")};
}

/// The peer's end of the mirror channel: a socket of the kernel.
std::unique_ptr<Peer> make_peer(const std::string& name, const contract::MirrorEndpoint& ends) {
    return std::make_unique<Peer>(in_namespace(name, [&] {
        const int descriptor = udp_socket(ends.peer.to_string(), mirror_port);
        const SocketAddress node = socket_address(ends.local.to_string(), mirror_port);
        BOOST_REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&node.storage), node.length) ==
                      0);
        return descriptor;
    }));
}

/// Everything that arrives on an interface, tags and all.
int frame_socket(const char* interface) {
    const int descriptor = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    const int on = 1;
    ::setsockopt(descriptor, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
    BOOST_REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    return descriptor;
}

Bytes framed(const wire::MacAddress& to, const wire::MacAddress& from, const std::vector<std::uint16_t>& tags,
             std::span<const std::uint8_t> ip) {
    Bytes frame(wire::EthernetFrame::header_size);
    const std::uint16_t type = ip[0] >> 4U == 4 ? wire::ether_type_ipv4 : wire::ether_type_ipv6;
    wire::write_ethernet(frame, to, from, type);
    for (std::size_t i = tags.size(); i-- > 0;) {
        const bool service = i == 0 && tags.size() == 2;
        const std::uint16_t kind = service ? wire::ether_type_service_vlan : wire::ether_type_vlan;
        Bytes tag(4);
        wire::store_be(tag, 0, kind);
        wire::store_be(tag, 2, tags[i]);
        frame.insert(frame.begin() + 12, tag.begin(), tag.end());
    }
    frame.insert(frame.end(), ip.begin(), ip.end());
    return frame;
}

} // namespace

Bytes ip_in(const Bytes& frame) {
    const auto parsed = wire::parse_ethernet(frame);
    const auto ip = parsed ? wire::parse_ip(parsed->payload) : std::unexpected(wire::PacketError::truncated);
    return ip ? Bytes(ip->bytes.begin(), ip->bytes.end()) : Bytes{};
}

Bytes udp_packet(const wire::IpAddress& from, std::uint16_t from_port, const wire::IpAddress& to,
                 std::uint16_t to_port, std::string_view payload) {
    Bytes packet(wire::udp_packet_size(to.family, payload.size()));
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(payload.data());
    BOOST_REQUIRE(wire::write_udp_packet(packet, {from, to, from_port, to_port}, {bytes, payload.size()}) ==
                  packet.size());
    return packet;
}

wire::MacAddress station(std::string_view text) {
    return *wire::MacAddress::parse(text);
}

std::vector<Bytes> pieces_backwards(const Bytes& packet) {
    constexpr std::size_t size = 1280;
    auto splitter = path::Splitter::begin(packet, size, 5);
    std::vector<Bytes> pieces;
    for (Bytes piece(size); const std::size_t length = splitter->next(piece);)
        pieces.emplace_back(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(length));
    std::ranges::reverse(pieces);
    return pieces;
}

Appliance::Appliance(const ApplianceSetup& setup) {
    BOOST_REQUIRE_MESSAGE(::geteuid() == 0, "the DPDK engine is tested in network namespaces: run as root");
    static int number = 0;
    const std::string unique = "tdapp" + std::to_string(::getpid()) + std::to_string(number++);
    node_ = unique + "n";
    far_ = unique + "f";
    run_dir_ = "/tmp/" + unique;
    make_networks();
    if (setup.far_outside.empty())
        wires_[0] = in_namespace(far_, [] { return frame_socket("p0"); });
    if (setup.far_inside.empty())
        wires_[1] = in_namespace(far_, [] { return frame_socket("s0"); });
    contract::Policy wanted = policy("outside0", 0);
    if (setup.ha) {
        make_ha();
        wanted.paths[0] = ends_of(*setup.ha);
    }
    peer_ = make_peer(setup.ha ? far_ : node_, wanted.paths[0]);
    auto mapping = contract::PageMapping::open(run_dir_);
    BOOST_REQUIRE(mapping.has_value());
    page_ = std::move(*mapping);
    wanted.groups[0].forwarding = setup.forwarding;
    wanted.vips[0].server = address(server);
    wanted.vips[1].server = address(server6);
    page().appliance.write(ports(setup));
    page().policy.write(wanted);
    page().mirror_links[0].write(test_keys());
    set_stance(page(), path::Stance::active, now_ns());
    if (setup.before_start)
        setup.before_start(node_);
    start();
    // What a device makes itself is there when the engine is.
    if (!setup.far_outside.empty())
        wires_[0] = in_namespace(node_, [&] { return frame_socket(setup.far_outside.c_str()); });
    if (!setup.far_inside.empty())
        wires_[1] = in_namespace(node_, [&] { return frame_socket(setup.far_inside.c_str()); });
    // The engine has heard of the neighbours when the server is reached at the first attempt.
    forget();
}

/// The node between its two networks.
void Appliance::make_networks() {
    for (const std::string& name : {node_, far_}) {
        output_of("ip netns add " + name);
        output_of("ip netns exec " + name + " sysctl -qw net.ipv6.conf.all.disable_ipv6=0");
    }
    const std::string in_node = "ip -n " + node_ + " ";
    const std::string in_far = "ip -n " + far_ + " ";
    const std::string quiet = "ip netns exec " + far_ + " sysctl -qw net.ipv6.conf.";
    for (const std::string& line :
         {in_node + "link set lo up",
          in_node + "link add o type veth peer name p0 netns " + far_,
          in_node + "link add i type veth peer name s0 netns " + far_,
          quiet + "p0.disable_ipv6=1",
          quiet + "s0.disable_ipv6=1",
          in_node + "link set o address " + std::string(outside_mac),
          in_node + "link set i address " + std::string(inside_mac),
          in_node + "link set o up",
          in_node + "link set i up",
          in_far + "link set p0 up",
          in_far + "link set s0 up",
          in_node + "tuntap add outside0 mode tap",
          in_node + "tuntap add inside0 mode tap",
          in_node + "link set outside0 address " + std::string(outside_mac),
          in_node + "link set inside0 address " + std::string(inside_mac),
          in_node + "addr add 10.9.0.2/24 dev outside0",
          in_node + "addr add fd00:9::2/64 dev outside0 nodad",
          in_node + "addr add " + std::string(inside_address) + "/24 dev inside0",
          in_node + "addr add fd00:8::1/64 dev inside0 nodad",
          in_node + "link set outside0 up",
          in_node + "link set inside0 up",
          in_node + "neigh add " + std::string(phone) + " dev outside0 lladdr " + std::string(phone_mac),
          in_node + "neigh add " + std::string(phone6) + " dev outside0 lladdr " + std::string(phone_mac),
          in_node + "neigh add " + std::string(server) + " dev inside0 lladdr " + std::string(server_mac),
          in_node + "neigh add " + std::string(server6) + " dev inside0 lladdr " + std::string(server_mac)})
        output_of(line);
}

void Appliance::remove() {
    if (engine_ > 0) {
        ::kill(engine_, SIGKILL);
        ::waitpid(engine_, nullptr, 0);
    }
    for (const int descriptor : wires_)
        if (descriptor >= 0)
            ::close(descriptor);
    for (const std::string& name : {node_, far_})
        static_cast<void>(std::system(("ip netns del " + name + " 2>/dev/null").c_str()));
    std::error_code ignored;
    std::filesystem::remove_all(run_dir_, ignored);
}

/// The cable of the HA path, and the peer at its other end.
void Appliance::make_ha() {
    const std::string in_node = "ip -n " + node_ + " ";
    const std::string in_far = "ip -n " + far_ + " ";
    std::vector<std::string> lines{in_node + "link add x type veth peer name h0 netns " + far_,
                                   in_node + "link set x address " + std::string(ha_mac),
                                   in_far + "link set h0 address " + std::string(peer_mac),
                                   in_node + "link set x up", in_far + "link set h0 up",
                                   "ip netns exec " + node_ + " sysctl -qw net.ipv6.conf.x.disable_ipv6=1",
                                   // The engine does not finish other people's checksums.
                                   "ip netns exec " + far_ + " ethtool -K h0 tx off >/dev/null"};
    for (const std::string& line :
         {in_far + "addr add 10.7.0.2/24 dev h0", in_far + "addr add fd00:7::2/64 dev h0 nodad",
          in_node + "tuntap add ha0 mode tap", in_node + "link set ha0 address " + std::string(ha_mac),
          in_node + "addr add 10.7.0.1/24 dev ha0", in_node + "addr add fd00:7::1/64 dev ha0 nodad",
          in_node + "link set ha0 up"})
        lines.push_back(line);
    for (const std::string& line : lines)
        output_of(line);
    wires_[2] = in_namespace(far_, [] { return frame_socket("h0"); });
}

void Appliance::start() {
    page().engine.attached = 0;
    engine_ = spawn_engine(node_, run_dir_);
    BOOST_REQUIRE_MESSAGE(eventually([&] { return page().engine.attached == 1; }),
                          "tandem-fast does not attach");
    settle();
}

void Appliance::kill() {
    ::kill(engine_, SIGKILL);
    ::waitpid(engine_, nullptr, 0);
    engine_ = -1;
}

int Appliance::terminate() {
    ::kill(engine_, SIGTERM);
    int status = 0;
    BOOST_REQUIRE(eventually([&] { return ::waitpid(engine_, &status, WNOHANG) == engine_; }));
    engine_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void Appliance::settle() {
    const contract::Beats before = contract::beats_of(page());
    BOOST_REQUIRE(eventually([&] {
        const contract::Beats now = contract::beats_of(page());
        std::size_t turned = 0;
        while (turned < page().engine.workers && now[turned] >= before[turned] + 3)
            ++turned;
        return turned == page().engine.workers;
    }));
}

wire::MacAddress Appliance::mac(Wire wire) const {
    return *wire::MacAddress::parse(wire == Wire::outside  ? outside_mac
                                    : wire == Wire::inside ? inside_mac
                                                           : ha_mac);
}

void Appliance::send(Wire wire, std::span<const std::uint8_t> ip, const std::vector<std::uint16_t>& tags) {
    const auto from = *wire::MacAddress::parse(wire == Wire::outside  ? phone_mac
                                               : wire == Wire::inside ? server_mac
                                                                      : peer_mac);
    send_frame(wire, framed(mac(wire), from, tags, ip));
}

void Appliance::send_frame(Wire wire, std::span<const std::uint8_t> frame) {
    const int descriptor = wires_[static_cast<std::size_t>(wire)];
    BOOST_REQUIRE(::write(descriptor, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size()));
}

/// The kernel takes the outermost tag off and tells of it apart.
std::optional<Bytes> Appliance::take(Wire wire) {
    Bytes frame(frame_max);
    iovec vector{frame.data(), frame.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    sockaddr_ll from{};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(wires_[static_cast<std::size_t>(wire)], &message, MSG_DONTWAIT);
    if (length < 0)
        return std::nullopt;
    frame.resize(static_cast<std::size_t>(length));
    if (from.sll_pkttype == PACKET_OUTGOING) // our own
        return Bytes{};
    for (const cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(part))) {
        tpacket_auxdata data{};
        if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA)
            continue;
        std::memcpy(&data, CMSG_DATA(part), sizeof data);
        if ((data.tp_status & TP_STATUS_VLAN_VALID) != 0) {
            Bytes tag(4);
            wire::store_be(tag, 0, data.tp_vlan_tpid);
            wire::store_be(tag, 2, data.tp_vlan_tci);
            frame.insert(frame.begin() + 12, tag.begin(), tag.end());
        }
    }
    return frame;
}

bool Appliance::is_there(Wire wire, const std::function<bool(const Bytes&)>& wanted) {
    while (const auto frame = take(wire))
        if (!frame->empty() && wanted(*frame))
            return true;
    return false;
}

std::optional<Bytes> Appliance::receive(Wire wire, const std::function<bool(const Bytes&)>& wanted) {
    std::optional<Bytes> found;
    const bool came = eventually([&] {
        return is_there(wire, [&](const Bytes& frame) {
            if (wanted(frame))
                found = frame;
            return found.has_value();
        });
    });
    return came ? found : std::nullopt;
}

void Appliance::forget() {
    for (const Wire wire : {Wire::outside, Wire::inside, Wire::ha})
        while (wires_[static_cast<std::size_t>(wire)] >= 0 && take(wire)) {
        }
}

std::string Appliance::run(const std::string& command) const {
    return output_of("ip netns exec " + node_ + " " + command);
}

std::string Appliance::run_far(const std::string& command) const {
    return output_of("ip netns exec " + far_ + " " + command);
}

} // namespace packet_suite
