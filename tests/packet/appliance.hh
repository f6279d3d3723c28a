// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// An appliance between two networks, for the DPDK engine: the test sees every frame on both of them.
//
//   far namespace                    node namespace
//   p0 (phones, gateway) ----------- o   outside0 10.9.0.2, VIPs     lo: 127.0.0.1 tandem-fast, 127.0.0.2
//   peer s0 (servers) ------------------- i   inside0  10.8.0.1
//   h0 10.7.0.2 (with `ha`: the peer) --- x   ha0      10.7.0.1
//
// Nobody but the test speaks on p0 and s0; on h0 the kernel speaks for the peer. Everything is removed at the
// end. Needs root.

#include "dataplane/contract/page.hh"
#include "tests/packet/peer.hh"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace packet_suite {

/// The HA path as a port of DPDK instead of loopback.
struct HaPath {
    tandem::wire::Family family{tandem::wire::Family::ipv4};
    tandem::contract::MirrorSeal mirror{tandem::contract::MirrorSeal::sealed};
    std::vector<std::uint16_t> tags{};
};

struct ApplianceSetup {
    tandem::contract::Forwarding forwarding{tandem::contract::Forwarding::transparent};
    std::vector<std::uint16_t> outside_tags{};
    std::vector<std::uint16_t> inside_tags{};
    std::uint16_t inside_mtu{1500};
    tandem::contract::Idle idle{tandem::contract::Idle::sleep};
    std::uint8_t workers{1};
    std::uint16_t outside_queues{1}; ///< that the ports have
    std::uint16_t inside_queues{1};
    std::optional<HaPath> ha{};
    std::string outside_device{}; ///< as DPDK names it; empty: net_af_packet on `o`
    std::string inside_device{};  ///< net_af_packet on `i`
    std::function<void(const std::string& node)> before_start{}; ///< when the node's namespace is there
    tandem::contract::Hugepages hugepages{tandem::contract::Hugepages::off};
    std::uint32_t memory_mb{96};
    std::uint32_t mbufs{4096};
    std::string
        far_outside{}; ///< where the test sees the frames, in the node's namespace; empty: p0, far away
    std::string far_inside{}; ///< s0
};

enum class Wire : std::uint8_t { outside, inside, ha };

class Appliance {
public:
    static constexpr std::string_view server = "10.8.0.10";
    static constexpr std::string_view server6 = "fd00:8::10";
    static constexpr std::string_view inside_address = "10.8.0.1";
    static constexpr std::string_view phone_mac = "02:00:00:00:09:07";
    static constexpr std::string_view server_mac = "02:00:00:00:08:10";
    static constexpr std::string_view peer_mac = "02:00:00:00:07:02";

    explicit Appliance(const ApplianceSetup& setup = {});
    Appliance(const Appliance&) = delete;
    Appliance& operator=(const Appliance&) = delete;

    tandem::contract::Page& page() { return **page_; }
    std::uint64_t count(tandem::contract::Counter c) { return page().count(c); }
    /// Waits until every worker of the engine has seen what the page says now.
    void settle();

    /// The MAC address of the node on a network.
    tandem::wire::MacAddress mac(Wire wire) const;
    /// Sends an IP packet to the node, or a whole frame.
    void send(Wire wire, std::span<const std::uint8_t> ip, const std::vector<std::uint16_t>& tags = {});
    void send_frame(Wire wire, std::span<const std::uint8_t> frame);
    /// The next frame that the node sent on a network and `wanted` likes, within 5 seconds; others are
    /// passed over.
    std::optional<Bytes> receive(Wire wire, const std::function<bool(const Bytes&)>& wanted);
    /// Is there such a frame now?
    bool is_there(Wire wire, const std::function<bool(const Bytes&)>& wanted);
    /// Throws away what has come.
    void forget();

    Peer& peer() { return *peer_; }
    /// Runs a command in the node's namespace, or in that of the others; its output.
    std::string run(const std::string& command) const;
    std::string run_far(const std::string& command) const;
    /// Ends the engine without a word, or starts another.
    void kill();
    void start();
    const std::string& run_dir() const { return run_dir_; }
    const std::string& node() const { return node_; }
    pid_t engine() const { return engine_; }
    const std::string& far() const { return far_; }
    /// SIGTERM; gives the exit status.
    int terminate();

private:
    /// At the end, also when the constructor ends early: an engine that nobody ends goes on for ever.
    struct Removal {
        Appliance& appliance;
        ~Removal() { appliance.remove(); }
    };
    void remove();
    std::optional<Bytes> take(Wire wire);

    std::string node_;
    std::string far_;
    std::string run_dir_;
    std::optional<tandem::contract::PageMapping> page_;
    void make_networks();
    void make_ha();

    int wires_[3]{-1, -1, -1};
    std::unique_ptr<Peer> peer_;
    pid_t engine_{-1};
    Removal removal_{*this}; ///< the last member: it needs the others
};

/// The IP packet in a frame, whatever tags it has.
Bytes ip_in(const Bytes& frame);
/// An IP packet with a UDP datagram.
Bytes udp_packet(const tandem::wire::IpAddress& from, std::uint16_t from_port,
                 const tandem::wire::IpAddress& to, std::uint16_t to_port, std::string_view payload);
tandem::wire::MacAddress station(std::string_view text);
/// A packet in fragments of at most 1280 octets, the last first.
std::vector<Bytes> pieces_backwards(const Bytes& packet);

} // namespace packet_suite
