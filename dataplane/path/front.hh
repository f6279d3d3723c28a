// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The first look at a burst of frames: what inspect() says, at the speed of a port.
//
// Problem: inspect() is written to be read and costs more than an appliance has for a whole packet. Idea:
// frames of the usual form (Ethernet with up to two tags, IPv4 without options or IPv6 without extension
// headers, UDP or TCP, whole, for a VIP) are recognised by comparing a few words with a compiled form of the
// policy; SIP in the usual form by a glance (glance.hh). What is unusual goes through inspect() itself, so
// there is one authority; a test compares the two on everything. What the fast path cannot finish alone
// (fragments, TCP to a SIP port, ICMP, what is not for a VIP, ...) is `slow`. Deliberately absent: flows,
// roles, verdicts, changing a packet.

#include "dataplane/contract/policy.hh"
#include "dataplane/path/inspect.hh"
#include "dataplane/table/flow_key.hh"
#include "dataplane/wire/sip_method.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tandem::path {

/// A frame where it lies, beginning with its Ethernet header.
struct RawFrame {
    const std::uint8_t* data{nullptr};
    std::uint32_t length{0};
};

/// The frames of a burst: a row of addresses and a row of lengths, so that eight of each are one load.
struct RawFrames {
    const std::uint8_t* const* data{nullptr};
    const std::uint32_t* lengths{nullptr};
    std::size_t count{0};

    std::size_t size() const { return count; }
    RawFrame operator[](std::size_t i) const { return {data[i], lengths[i]}; }
    RawFrames first(std::size_t n) const { return {data, lengths, n}; }
};

/// Which side of the appliance a frame came in on: there the VIP is the destination, or the source.
enum class Facing : std::uint8_t { outside, inside };

enum class Way : std::uint8_t {
    plain, ///< everything that forwarding needs is known
    slow,  ///< the engine must look again: fragments, TCP to a SIP port, ICMP, ARP, another station's frame,
           ///< ...
};

/// What one look found. `kind` is that of inspect() for the packet behind the Ethernet header; for a frame
/// from inside that of the packet with its two ends exchanged, as far as ports and SIP go.
struct Seen {
    static constexpr std::uint8_t no_vip = 0xff;

    Kind kind{Kind::unreadable};
    Way way{Way::slow};
    std::uint8_t group{0};                          ///< of the VIP
    std::uint8_t vip{no_vip};                       ///< its place in the policy
    std::uint8_t network{0};                        ///< where the IP header begins; 0: the frame has none
    std::uint8_t transport{0};                      ///< where the transport header begins; 0: not known
    wire::SipMethod method{wire::SipMethod::other}; ///< of SIP; of a response only where reads_responses()
    wire::SipKind sip_kind{wire::SipKind::request};
    std::uint16_t length{0};     ///< octets of the IP packet, padding left out; of the plain way
    std::uint16_t ether_type{0}; ///< behind the tags
    std::uint32_t tags{0};       ///< how many
    table::FlowKey flow;         ///< of the plain way: the remote end and the VIP, in both directions

    /// A REGISTER request.
    constexpr bool binding() const {
        return method == wire::SipMethod::register_ && sip_kind == wire::SipKind::request &&
               (kind == Kind::sip_matching || kind == Kind::sip_other);
    }
};
static_assert(sizeof(Seen) == 32);

/// What is known to hold for all frames of one look.
struct Common {
    bool one_vip{false};      ///< all are of the plain way, for one VIP; where frames are unusual, not said
    bool no_sip{false};       ///< if so: none is on a SIP port
    std::uint16_t longest{0}; ///< if so: octets of the longest IP packet
};

/// One VIP of the policy, as the front knows it.
struct FrontVip {
    wire::IpAddress address;
    wire::IpAddress server;
    std::uint8_t group{0};
    contract::Forwarding forwarding{contract::Forwarding::host};
};

class Front {
public:
    /// Frames of one call.
    static constexpr std::size_t burst_max = 64;

    /// Instructions to use; `widest` is chosen at run time, `plain` is what every x86-64 has.
    enum class Instructions : std::uint8_t { plain, widest };

    /// `seed`: random, keys what stands for IPv6 addresses in flow keys.
    explicit Front(std::uint64_t seed, Instructions instructions = Instructions::widest);

    /// Frames to another station than this one are `slow`. Without a call every frame but those to an
    /// Ethernet group is taken.
    void set_station(Facing facing, const wire::MacAddress& address);

    /// Takes over a policy; costs one comparison when `sequence` is that of the call before.
    void begin(const contract::Policy& policy, std::uint32_t sequence) {
        if (sequence != sequence_ || !compiled_)
            compile(policy, sequence);
    }

    /// Has the lines that a table of flows will look at fetched ahead.
    void set_flow_lines(const table::FlowLines& lines) { flow_lines_ = lines; }

    /// Looks at up to burst_max frames; better, their first lines have been asked for. seen.size() >=
    /// frames.size(). `lines`: where the flows of packets of the plain way are looked for, by
    /// set_flow_lines(); may be empty.
    Common classify(Facing facing, const RawFrames& frames, std::span<Seen> seen,
                    std::span<std::byte*> lines = {}) const noexcept {
        std::array<std::byte*, burst_max> unwanted;
        if (lines.size() < frames.size())
            lines = unwanted;
        const Common common = (this->*classify_)(facing, frames, seen, lines);
        if (facing == Facing::inside && translates_)
            name_by_vips(frames, seen, lines);
        return common;
    }

    const FrontVip& vip(std::size_t i) const { return vips_[i]; }
    std::size_t vip_count() const { return vip_count_; }
    const contract::Policy& policy() const { return policy_; }

private:
    static constexpr std::size_t slots = 256;
    static constexpr std::uint8_t nothing = 0xff;

    struct Slot4 {
        std::uint32_t address{0}; ///< as it lies in the packet
        std::uint8_t group{0};
        std::uint8_t vip{nothing};
        std::uint16_t sip{0}; ///< all bits: the group has SIP ports
    };
    struct Slot6 {
        std::uint64_t high{0};
        std::uint64_t low{0};
        std::uint8_t vip{nothing};
        std::uint8_t group{0};
        std::uint8_t unused[6]{};
    };
    /// Addresses in a table without collisions: its multiplier was chosen so.
    struct Addresses {
        std::uint32_t multiplier4{1};
        std::uint64_t multiplier6{1};
        std::array<Slot4, slots> v4{};
        std::array<Slot6, slots> v6{};

        const Slot4& find4(std::uint32_t address) const { return v4[(address * multiplier4) >> 24U]; }
        const Slot6& find6(std::uint64_t high, std::uint64_t low) const {
            return v6[((high ^ (low * 0x9e3779b97f4a7c15ULL)) * multiplier6) >> 56U];
        }
    };
    /// A group's policy in the form in which it is compared.
    struct alignas(32) Group {
        std::array<std::uint16_t, contract::sip_ports_max>
            ports{};               ///< as they lie in the packet; all of them filled
        std::uint32_t requests{0}; ///< bit by method: is a request mirrored?
        std::uint32_t responses{0};
        std::uint32_t port_mask{0}; ///< 0: the group has no SIP port
    };
    struct Side {
        Addresses addresses;
        std::uint64_t station{0};
        std::uint64_t station_mask{1}; ///< the bit that says that a frame is for a group
    };

    /// Texts on SIP ports, of some frames of the burst. There is room for eight more, since what is written
    /// at the end need not count.
    struct Texts {
        std::array<const char*, burst_max + 8> first;
        std::array<std::uint64_t, burst_max + 8> rest; ///< the size, and in the upper half the frame
        std::size_t count{0};

        /// Adds it if `n` is 1, not if it is 0: without a branch.
        void add_if(const char* text, std::uint32_t size, std::size_t frame, std::size_t n) {
            first[count] = text;
            rest[count] = size | std::uint64_t{frame} << 32U;
            count += n;
        }
        std::size_t size(std::size_t k) const { return static_cast<std::uint32_t>(rest[k]); }
        std::size_t frame(std::size_t k) const { return rest[k] >> 32U; }
    };
    /// Which frames of a burst need another look, by the kind of look.
    struct Unread {
        Texts requests;
        Texts responses;
        std::array<std::uint8_t, burst_max> others; ///< not in the usual form
        std::size_t other_count{0};

        bool nothing() const { return requests.count + responses.count + other_count == 0; }
    };

    /// What a look at the headers found: not understood, a packet on a SIP port, another.
    enum class Look : std::uint8_t { none, sip, other };
    template <Facing facing>
    Look look(const RawFrame& frame, Seen& seen) const noexcept;
    template <Facing facing>
    Look look_further(const RawFrame& frame, Seen& seen) const noexcept;
    template <Facing facing>
    Look look_inside(const RawFrame& frame, Seen& seen, std::size_t network, std::size_t left) const noexcept;
    void look_slowly(Facing facing, const RawFrame& frame, Seen& seen) const noexcept;
    template <Facing facing>
    void look_alone(const RawFrames& frames, Seen* seen, std::byte** lines, std::size_t i,
                    Unread& unread) const noexcept;
    struct First;
    struct Eight;
    template <Facing facing>
    First first_of(const RawFrames& frames) const noexcept;
    template <Facing facing>
    Eight look_at_eight(const RawFrames& frames, Seen* seen, std::byte** lines, std::size_t i,
                        const First& first, Unread& unread) const noexcept;
    template <Facing facing>
    Common look_wide(const RawFrames& frames, Seen* seen, std::byte** lines) const noexcept;
    template <class Set>
    void read_texts(const RawFrames& frames, Seen* seen, Unread& unread) const noexcept;
    void read_text(const RawFrame& frame, Seen& seen) const noexcept;
    std::uint64_t stand_in(const std::uint8_t* remote, const std::uint8_t* vip) const noexcept;
    void name_by_vips(const RawFrames& frames, std::span<Seen> seen,
                      std::span<std::byte*> lines) const noexcept;
    template <wire::SipKind kind>
    void settle(Seen& seen, std::uint8_t sight) const noexcept;

    void read_texts_wide(const RawFrames& frames, Seen* seen, Unread& unread) const noexcept;

    void compile(const contract::Policy& policy, std::uint32_t sequence);
    Common classify_plain(Facing facing, const RawFrames& frames, std::span<Seen> seen,
                          std::span<std::byte*> lines) const noexcept;
    Common classify_wide(Facing facing, const RawFrames& frames, std::span<Seen> seen,
                         std::span<std::byte*> lines) const noexcept;

    using Classify = Common (Front::*)(Facing, const RawFrames&, std::span<Seen>,
                                       std::span<std::byte*>) const noexcept;
    Classify classify_{nullptr};
    std::array<Side, 2> sides_;
    std::array<Group, contract::groups_max> groups_;
    /// The ports of all groups once more, the first four of each and the last four: two lines.
    alignas(64) std::array<std::array<std::uint64_t, contract::groups_max>, 2> ports_{};
    static_assert(contract::groups_max == 8);
    bool translates_{false}; ///< a VIP has nat
    std::uint64_t seed_;
    table::FlowLines flow_lines_;
    std::array<FrontVip, contract::vips_max> vips_{};
    std::size_t vip_count_{0};
    std::uint32_t sequence_{0};
    bool compiled_{false};
    contract::Policy policy_{};
};

} // namespace tandem::path
