// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Do the ports that this node uses work?
//
// Problem: a port without a carrier is plain, a port whose switch forwards nothing is not. Idea: the carrier
// of each port by itself, and for the outside interface, on demand, the silence of its receive counter: on a
// LAN that lives, something is always received. Only the outside interface counts in the health, and on an
// appliance the inside one, behind which the SIP server is. The
// management port makes an alarm, because no call depends on it; the port of an HA path does too, because a
// cut link is the same for both nodes and moving the service does not mend it. Deliberately absent: what a
// lost carrier means for the role, which the engine hears by another way; bonds and bridges are judged by the
// carrier that the kernel shows.

#include "control/watch/state.hh"

#include <optional>
#include <span>
#include <vector>

namespace tandem::watch {

enum class PortUse : std::uint8_t { outside, inside, path, management };

struct WatchedPort {
    std::string name;
    PortUse use{PortUse::outside};
};

struct PortFacts {
    bool present{false};
    bool carrier{false};
    std::uint64_t received{0}; ///< packets, ever
};

class NicJudge {
public:
    struct Event {
        bool restored{false};
        std::string detail;
    };
    struct Verdict {
        State state{State::unknown};
        std::string detail;
        std::vector<Event> events; ///< one per port that changed
    };

    /// `rx_silence` 0: the receive counters are not looked at.
    NicJudge(ha::Instant now, std::vector<WatchedPort> ports, ha::Duration rx_silence);
    const std::vector<WatchedPort>& ports() const { return ports_; }
    /// `facts` in the order of the ports.
    Verdict look(ha::Instant now, std::span<const PortFacts> facts);

private:
    enum class Fault : std::uint8_t { none, absent, carrier, silent };
    struct Record {
        Fault fault{Fault::none};
        std::uint64_t received{0};
        ha::Instant grew{};
    };
    Fault fault_of(ha::Instant now, std::size_t port, const PortFacts& facts);
    std::string sentence(std::size_t port, Fault fault) const;

    std::vector<WatchedPort> ports_;
    std::vector<Record> records_;
    ha::Duration rx_silence_;
};

} // namespace tandem::watch
