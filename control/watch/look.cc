// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/look.hh"

#include "control/watch/descriptor.hh"
#include "control/watch/look_filter.hh"
#include "control/watch/question.hh"

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/ndp.hh"
#include "dataplane/wire/udp.hh"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace tandem::watch {

namespace {

/// A response to OPTIONS in one frame; what is longer comes in fragments and is not read.
constexpr std::size_t frame_max = 2048;
/// Frames that pass the filter and are no answer after all, read in one call.
constexpr int refused_max = 16;
constexpr std::size_t introduction_max = std::max(wire::ArpFrame::size, wire::NdpFrame::size_max);

bool attach(int fd, std::vector<sock_filter> code) {
    const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
    return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/// Keeps a port for the answers, so that the kernel neither gives it away nor refuses them with ICMP. What
/// arrives there is read from the packet socket, so this one takes nothing.
Descriptor reserve_port(const wire::IpAddress& own, std::uint16_t& port) {
    Descriptor fd(::socket(own.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    SocketAddress local(own, 0);
    if (!fd || !attach(fd.get(), {{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0}}) ||
        ::bind(fd.get(), local.get(), local.length) != 0 ||
        ::getsockname(fd.get(), local.get(), &local.length) != 0)
        return Descriptor();
    port = local.port();
    return fd;
}

Descriptor open_packets(int interface_index, const wire::IpAddress& from, std::uint16_t from_port,
                        const wire::IpAddress& to, std::uint16_t to_port) {
    // Protocol 0 until the filter is in place: nothing unfiltered is ever queued.
    Descriptor fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || !attach(fd.get(), look_filter(from, from_port, to, to_port)))
        return Descriptor();
    const int on = 1;
    static_cast<void>(::setsockopt(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on));
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_ifindex = interface_index;
    where.sll_protocol = htons(from.is_v4() ? ETH_P_IP : ETH_P_IPV6);
    if (interface_index <= 0) { // would mean every interface
        errno = ENODEV;
        return Descriptor();
    }
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
        return Descriptor();
    return fd;
}

/// An ARP request or neighbour solicitation for the VIP in our own name; it goes to the one station that is
/// asked. A neighbour learns our link-layer address from it (RFC 826, RFC 4861 section 7.2.3). Without it the
/// station might have to ask for that, in the name of the VIP from which it answers, and our kernel, which
/// has the VIP as well, would take that question for one of its own and give no answer.
std::size_t write_introduction(std::span<std::uint8_t> out, const wire::MacAddress& own_mac,
                               const wire::UdpFlow& flow) {
    if (flow.source.is_v4())
        return wire::write_arp(out, {.destination = {},
                                     .source = own_mac,
                                     .packet = {.operation = wire::ArpOperation::request,
                                                .sender_mac = own_mac,
                                                .sender_ip = flow.source,
                                                .target_mac = {},
                                                .target_ip = flow.destination}});
    return wire::write_ndp(out, {.destination = {},
                                 .source = own_mac,
                                 .destination_ip = flow.destination,
                                 .source_ip = flow.source,
                                 .message = {.type = wire::NdpType::solicitation,
                                             .flags = 0,
                                             .target = flow.destination,
                                             .link_layer = own_mac}});
}

} // namespace

struct Look::State {
    Descriptor port;
    Descriptor packets;
    wire::MacAddress own_mac;
    wire::UdpFlow flow;
    Question question;
    std::array<std::uint8_t, frame_max> frame{};
    std::array<std::uint8_t, introduction_max> introduction{};
    std::size_t introduction_length{0};
};

std::expected<Look, std::string> Look::open(int interface_index, wire::MacAddress own_mac,
                                            wire::IpAddress own, wire::IpAddress vip, std::uint16_t port) {
    const auto refuse = [&](const char* what) {
        return std::unexpected("cannot look at the service at " + vip.to_string() + ": " + what + ": " +
                               std::strerror(errno));
    };
    errno = EAFNOSUPPORT;
    if (own.size() == 0 || own.family != vip.family)
        return refuse("the own address is of another family");
    std::uint64_t token = 0;
    if (::getrandom(&token, sizeof token, 0) != static_cast<ssize_t>(sizeof token))
        return refuse("asking for a random number");
    std::uint16_t own_port = 0;
    Descriptor reserved = reserve_port(own, own_port);
    if (!reserved)
        return refuse("reserving a port");
    Descriptor packets = open_packets(interface_index, vip, port, own, own_port);
    if (!packets)
        return refuse("opening a packet socket");
    auto state = std::make_unique<State>(
        State{.port = std::move(reserved),
              .packets = std::move(packets),
              .own_mac = own_mac,
              .flow = {.source = own, .destination = vip, .source_port = own_port, .destination_port = port},
              .question = Question(own, own_port, vip, port, token)});
    state->introduction_length = write_introduction(state->introduction, own_mac, state->flow);
    return Look(std::move(state));
}

Look::Look(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
Look::Look(Look&&) noexcept = default;
Look& Look::operator=(Look&&) noexcept = default;
Look::~Look() = default;

int Look::descriptor() const {
    return state_->packets.get();
}

void Look::ask(wire::MacAddress station) noexcept {
    State& s = *state_;
    const std::string_view text = s.question.next();
    const std::span<std::uint8_t> frame{s.frame};
    const std::size_t header = wire::write_ethernet(
        frame, station, s.own_mac, s.flow.source.is_v4() ? wire::ether_type_ipv4 : wire::ether_type_ipv6);
    const std::size_t packet = wire::write_udp_packet(
        frame.subspan(header), s.flow, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    std::ranges::copy(station.octets, s.introduction.begin()); // the destination of the frame
    static_cast<void>(::send(s.packets.get(), s.introduction.data(), s.introduction_length, MSG_DONTWAIT));
    static_cast<void>(::send(s.packets.get(), s.frame.data(), header + packet, MSG_DONTWAIT));
}

bool Look::answered() noexcept {
    const State& s = *state_;
    std::array<std::uint8_t, frame_max> bytes; // written by recv
    for (int refused = 0; refused < refused_max; ++refused) {
        const ssize_t length = ::recv(s.packets.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return false;
        const auto frame = wire::parse_ethernet({bytes.data(), static_cast<std::size_t>(length)});
        if (!frame)
            continue;
        const auto packet = wire::parse_ip(frame->payload);
        if (!packet || packet->protocol != wire::protocol_udp || packet->fragment != wire::Fragment::whole ||
            packet->source != s.flow.destination || packet->destination != s.flow.source)
            continue;
        const auto udp = wire::parse_udp(packet->payload);
        if (!udp || udp->source_port != s.flow.destination_port ||
            udp->destination_port != s.flow.source_port)
            continue;
        if (s.question.answered_by({reinterpret_cast<const char*>(udp->payload.data()), udp->payload.size()}))
            return true;
    }
    return false;
}

} // namespace tandem::watch
