// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A node and a host on one wire, in two nameless network namespaces that vanish with their last descriptor.
//
//      node (the test runs in it)                     host
//      out0  10.77.0.1/24, 2001:db8:77::1/64  <----->  peer0  10.77.0.9/24, 2001:db8:77::9/64
//      shadow0 (made by set_up_shadow)
//
// Needs root; without it the first test fails.

#include "control/announce/announce.hh"
#include "netlink/kernel.hh"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tandem::testing {

/// Generous, for a machine under load; a condition that holds is seen at once.
inline constexpr std::chrono::milliseconds patience{5000};

/// True as soon as the condition holds; false if it does not within `limit`.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = patience);

/// Runs a command of iproute2; a failure ends the test.
void run(const std::string& command);
/// What a command prints.
std::string output_of(const std::string& command);

/// A descriptor that is closed at the end.
class Descriptor {
public:
    explicit Descriptor(int fd = -1)
        : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept;
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    int get() const { return fd_; }

private:
    int fd_;
};

/// A new network namespace.
class Namespace {
public:
    Namespace();
    int descriptor() const { return fd_.get(); }

private:
    Descriptor fd_;
};

/// This thread is in the namespace as long as the object lives.
class Inside {
public:
    explicit Inside(const Namespace& where);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

private:
    Descriptor before_;
};

/// A UDP socket bound to an address and port, in the namespace in which it is made.
class UdpSocket {
public:
    UdpSocket(const wire::IpAddress& address, std::uint16_t port);
    void connect(const wire::IpAddress& address, std::uint16_t port);
    void send(const std::string& text) const;
    void send_to(const std::string& text, const wire::IpAddress& address, std::uint16_t port) const;
    /// The next datagram; answers the sender with `answer` if there is one.
    std::optional<std::string> receive(std::chrono::milliseconds limit, const std::string& answer = {}) const;

private:
    Descriptor fd_;
};

/// The open end of a TUN interface: what the engine does.
class Tun {
public:
    explicit Tun(const std::string& name);
    void write(const std::vector<std::uint8_t>& packet) const;
    /// The payload of the next UDP packet that comes out and what it says of source and destination.
    struct Packet {
        wire::IpAddress source;
        wire::IpAddress destination;
        std::string payload;
    };
    std::optional<Packet> read(std::chrono::milliseconds limit) const;

private:
    Descriptor fd_;
};

/// A UDP packet as a phone would send it.
std::vector<std::uint8_t> udp_packet(const wire::IpAddress& source, std::uint16_t source_port,
                                     const wire::IpAddress& destination, std::uint16_t destination_port,
                                     const std::string& text);

struct World {
    World();

    netlink::ShadowSetup setup() const;
    std::vector<netlink::Placement> placements() const;
    netlink::Batch batch(netlink::Transition transition) const;
    /// Carries a transition out and checks that it succeeds.
    void perform(netlink::Transition transition);

    netlink::Interface interface(const std::string& name) const;
    bool has(const std::string& interface_name, const wire::IpAddress& address) const;
    bool has_rule(const wire::IpAddress& source) const;

    /// Everything that comes to the host's interface, counted by source address.
    class Capture {
    public:
        explicit Capture(const World& world);
        /// Reads until a packet of the node's own address arrives that was sent after all others, and returns
        /// how many came from `source` until then.
        std::size_t from(const wire::IpAddress& source);

    private:
        const World& world_;
        Descriptor fd_;
    };

    Namespace node_space;
    Namespace host_space;
    Inside in_node{node_space};
    wire::IpAddress node4, node6, host4, host6, vip4, vip6;
    netlink::BatchSocket batches;
};

} // namespace tandem::testing
