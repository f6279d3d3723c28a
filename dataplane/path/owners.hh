// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Which worker of several a packet belongs to.
//
// Problem: a port hands its packets to whichever worker reads the queue they came in on, but what is known of
// a flow, of a registration and of the mirror has one writer, without a lock. Idea: whoever receives a packet
// looks only as far as it takes to tell whose it is. Media and everything else that is merely forwarded, the
// bulk, is spread by a keyed hash over both ends, in which the VIP stands for the server's own address, so
// that both directions of a flow have the same owner, translated or not. SIP, fragments (which do not say
// what they are part of), and all that the quick way does not finish belong to the first worker: it alone
// keeps the mirror's sequence, registrations, dialogs, streams, half packets and packets that wait. Where the
// ports spread symmetrically by themselves, a flow belongs to whoever received it. Deliberately absent: how
// a packet gets there (io/dpdk/exchange.hh), what becomes of it.

#include "dataplane/contract/policy.hh"
#include "dataplane/path/front.hh"

#include <array>
#include <cstddef>
#include <cstdint>

namespace tandem::path {

/// Who spreads flows.
enum class Spreading : std::uint8_t {
    by_hash,  ///< whoever receives a packet
    by_ports, ///< the ports, both directions of a flow to the same worker; but not where VIPs are translated
};

class Owners {
public:
    static constexpr std::size_t first_worker = 0;

    /// `seed`: random, the same for all workers: nobody can choose flows that all meet at one of them.
    Owners(std::size_t workers, std::uint64_t seed, Spreading spreading);

    /// Takes over a policy; costs one comparison when `sequence` is that of the call before.
    void begin(const contract::Policy& policy, std::uint32_t sequence) {
        if (sequence != sequence_ || !begun_)
            adopt(policy, sequence);
    }

    /// The owner of a frame without tags that worker `self` has received.
    std::size_t of(Facing facing, const RawFrame& frame, std::size_t self) const noexcept;

private:
    static constexpr std::size_t places = 128;
    static_assert(places >= 4 * contract::vips_max);

    /// An address as it stands in a packet; IPv4 in the lower half of `high`.
    struct Address {
        std::uint64_t high{0};
        std::uint64_t low{0};
        constexpr bool operator==(const Address&) const = default;
    };
    struct Local {
        Address address;
        Address vip; ///< that it stands for
        std::uint8_t version{0};
        std::uint8_t group{0};
        bool taken{false};
    };
    using Locals = std::array<Local, places>;
    struct Ports {
        std::array<std::uint16_t, contract::sip_ports_max> ports{}; ///< as they lie in a packet
        std::size_t count{0};
    };

    void adopt(const contract::Policy& policy, std::uint32_t sequence);
    static Address address_of(const wire::IpAddress& address) noexcept;
    std::size_t place_of(const Address& address) const noexcept;
    const Local* find(Facing facing, const Address& address, std::uint8_t version) const noexcept;
    std::uint64_t hash(const Address& remote, const Address& vip, std::uint64_t rest) const noexcept;

    std::size_t workers_;
    std::uint64_t seed_;
    Spreading wanted_;
    Spreading spreading_;            ///< with this policy
    std::array<Locals, 2> locals_{}; ///< by Facing
    std::array<Ports, contract::groups_max> sip_{};
    std::uint32_t sequence_{0};
    bool begun_{false};
};

} // namespace tandem::path
