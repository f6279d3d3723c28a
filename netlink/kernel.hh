// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What is asked of the kernel: addresses, links, rules and routes of the outside and the shadow interface.
//
// Problem: a VIP has to appear and disappear in milliseconds, from a thread that must not allocate, and also
// when the process that decided it is already dead. Idea: the messages of a transition are prepared once, as
// bytes. Carrying a transition out is one send and the reading of its acknowledgements. The bytes can lie in
// shared memory, where the guard finds them. Deliberately absent: when and why. That is the role engine's.

#include "dataplane/wire/address.hh"

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tandem::netlink {

struct Error {
    int code{0};      ///< errno
    std::string what; ///< a sentence: what was asked, of which interface
};

struct Interface {
    int index{0};
    std::string name;
    wire::MacAddress mac;
    bool up{false};      ///< IFF_UP
    bool carrier{false}; ///< IFF_LOWER_UP
    std::vector<wire::Prefix> addresses;
};

/// The rule that keeps back what the standby's SIP server sends from a VIP.
struct EgressRule {
    std::uint32_t route_table{0};
    std::uint32_t rule_priority{0};
};

/// A VIP and where it is served.
struct Placement {
    wire::Prefix vip; ///< with the prefix length to use on the interface
    int interface_index{0};
    /// Absent on an appliance: nothing is sent from its VIPs by way of its kernel, so there is nothing to
    /// keep back.
    std::optional<EgressRule> egress;
};

/// The transitions that can be prepared.
enum class Transition : std::uint8_t {
    rise,   ///< VIPs onto their interface with a lease, then egress rules away
    fall,   ///< egress rules in, then VIPs off the outside interface
    vacate, ///< VIPs off the outside interface; egress stays open (planned switchover)
    seal,   ///< egress rules in (end of a planned switchover)
    /// extend the lease of the VIPs on the outside interface. The kernel knows no "only if it is there": a
    /// VIP that is gone comes back, so ask the grant before each renewal, most of all after a pause.
    renew,
};

/// How long the kernel keeps a VIP that nobody renews. Whole seconds, at least 1. The kernel looks late,
/// because it rounds the time of its next look up, towards a whole second: one second here means that the VIP
/// is gone after 1 to 2 s, two would mean 2 to 3.
inline constexpr std::chrono::seconds vip_lease{1};

/// The bytes of one transition: consecutive netlink requests, each with NLM_F_ACK. Trivially copyable, so
/// that it can lie in memory shared with the guard.
struct Batch {
    static constexpr std::size_t size_max = 8192;
    std::uint32_t length{0};
    std::uint32_t requests{0};
    std::array<std::uint8_t, size_max> bytes{};
};

/// Prepares a transition for the VIPs of one group; pure but for the library's allocations.
std::expected<Batch, Error> prepare(Transition transition, std::span<const Placement> placements);

/// Sends prepared batches. One thread. No allocation after construction.
class BatchSocket {
public:
    static std::expected<BatchSocket, Error> open();
    BatchSocket(BatchSocket&&) noexcept;
    BatchSocket& operator=(BatchSocket&&) noexcept;
    ~BatchSocket();

    /// Sends and waits for every acknowledgement. Outcomes that mean "already so" (EEXIST on adding, ENOENT,
    /// EADDRNOTAVAIL and ESRCH on deleting; ENODEV on deleting an address) count as success. Returns the
    /// first other errno, 0 for success; the requests behind a failed one are carried out all the same.
    int send(const Batch& batch) noexcept;

private:
    struct Scratch; ///< where a batch gets its sequence numbers and acknowledgements are read
    explicit BatchSocket(int fd);
    int fd_{-1};
    std::uint32_t sequence_{1};
    std::unique_ptr<Scratch> scratch_;
};

/// The shadow interface and its surroundings.
struct ShadowSetup {
    std::string name;
    std::uint32_t route_table{0};
    std::uint32_t rule_priority{0};
    std::vector<wire::IpAddress> vips;
    std::vector<std::string> outside_interfaces;
};

/// Makes the machine ready to be a standby, idempotently: removes VIPs left on outside interfaces by an
/// earlier life; a persistent TUN with the VIPs as host prefixes (no DAD), up, rp_filter off (loose where it
/// is on for `all`); in the route table a default route into it and a blackhole behind that, for IPv4 and
/// IPv6 as the VIPs need; a rule for each VIP; arp_ignore=1 and arp_announce=2 on the outside interfaces.
/// Order: blackhole and rules first, so that nothing leaves meanwhile. Returns what it did, in words, for the
/// log (empty: all was as wanted).
std::expected<std::vector<std::string>, Error> set_up_shadow(const ShadowSetup& setup);

/// Removes all that set_up_shadow made, and the VIPs from the outside interfaces. For `tandemd --clean`. The
/// ARP settings of the outside interfaces stay: what they were before is not known, and they harm nobody.
std::expected<std::vector<std::string>, Error> clean_up(const ShadowSetup& setup);

/// The interfaces of an appliance on which VIPs are served: the TAPs behind its ports.
struct TapSetup {
    struct Served {
        std::string interface;
        std::vector<wire::IpAddress> vips;
    };
    std::vector<Served> interfaces;
};

/// Makes the machine ready to be a standby, idempotently: removes VIPs left on the interfaces by an earlier
/// life; arp_ignore=1 and arp_announce=2 on them. Returns what it did, in words, as set_up_shadow does.
std::expected<std::vector<std::string>, Error> set_up_taps(const TapSetup& setup);

/// Removes the VIPs from the interfaces. For `tandemd --clean`.
std::expected<std::vector<std::string>, Error> clean_up(const TapSetup& setup);

/// The link-layer address of a neighbour, where the kernel knows it. Where it does not, the kernel is asked
/// to find it out, and a later call may tell.
std::optional<wire::MacAddress> resolve_neighbour(int interface_index, const wire::IpAddress& address);

/// Every interface of this network namespace with its addresses.
std::expected<std::vector<Interface>, Error> list_interfaces();

/// Link and address changes, as they happen. One thread.
class Monitor {
public:
    struct LinkChange {
        int index;
        bool up;
        bool carrier;
    };
    struct AddressChange {
        int index;
        wire::IpAddress address;
        bool present;
    };
    struct Handlers {
        std::function<void(const LinkChange&)> link;
        std::function<void(const AddressChange&)> address;
        std::function<void()> overrun; ///< the kernel dropped messages: look at everything again
    };
    static std::expected<std::unique_ptr<Monitor>, Error> open(Handlers handlers);
    virtual ~Monitor() = default;
    virtual int descriptor() const = 0; ///< readable when there is something to read
    virtual void read() = 0;            ///< reads what is there; calls the handlers; never blocks
};

/// Conditions of the host that would make failover misbehave, as sentences (strict rp_filter on `all`, for
/// one).
std::vector<std::string> host_warnings(const ShadowSetup& setup);
std::vector<std::string> host_warnings(const TapSetup& setup);

} // namespace tandem::netlink
