// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the brain's threads say to each other.
//
//      service --PulseCommand--> pulse --HandCommand--> hand
//      service <--PulseNote----- pulse <--HandResult--- hand
//      service <-------------HandNote------------------ hand

#include "control/app/mailbox.hh"
#include "control/ha/input.hh"
#include "control/ha/output.hh"
#include "dataplane/contract/grant.hh"
#include "dataplane/contract/limits.hh"
#include "dataplane/contract/policy.hh"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <variant>

namespace tandem::app {

/// New keys for one path's heartbeats.
struct Rekey {
    std::size_t path{0};
    std::uint32_t association{0};
    contract::DatagramKey transmit;
    contract::DatagramKey receive;
};
/// Proof on one path that the peer's process is dead.
struct PathGone {
    std::size_t path{0};
};
/// Something that one group's role engine is to know: a port, health, a command of an operator.
struct Fact {
    std::size_t group{0};
    ha::Input input;
};
struct SetReadiness {
    std::size_t group{0};
    std::uint8_t lacks{0}; ///< see ha::Lack
    bool in_sync{false};
};
/// The kernel's addresses are not what the role asks for: carry the role's effects out again.
struct Repair {
    std::size_t group{0};
};
struct Stop {};

using PulseCommand = std::variant<Rekey, PathGone, Fact, SetReadiness, Repair, Stop>;
static_assert(std::is_trivially_copyable_v<PulseCommand>);

/// An event or an answer of one group's role engine.
struct PulseNote {
    std::size_t group{0};
    ha::Output output;
};

enum class Act : std::uint8_t { raise, lower, vacate, seal, renew, announce, stand, stop };

struct HandCommand {
    Act act{};
    std::uint8_t group{0};
    contract::Standing standing{}; ///< of `stand`
    std::uint64_t epoch{0};
};

/// What became of `raise`.
struct HandResult {
    std::uint8_t group{0};
    int error{0}; ///< errno, 0 for success
    std::uint64_t epoch{0};
};

/// Times for the record of a takeover, and failures for the log.
struct HandNote {
    Act act{};
    std::uint8_t group{0};
    int error{0};
    std::uint64_t epoch{0};
    ha::Instant done{};
};

/// Up to which epoch a group's terms as active have ended. The pulse writes it at the moment of the decision;
/// the hand looks at it before it raises, so that a slow kernel does not bring back what was given up
/// meanwhile.
class EndedTerms {
public:
    void end(std::size_t group, std::uint64_t epoch) noexcept { ended_[group].store(epoch); }
    bool ended(std::size_t group, std::uint64_t epoch) const noexcept {
        return epoch <= ended_[group].load();
    }

private:
    std::array<std::atomic<std::uint64_t>, contract::groups_max> ended_{};
};

using ToPulse = Mailbox<PulseCommand, 256>;
using FromPulse = Mailbox<PulseNote, 1024>;
using ToHand = Mailbox<HandCommand, 256>;
using FromHand = Mailbox<HandResult, 64>;
using HandNotes = Mailbox<HandNote, 256>;

} // namespace tandem::app
