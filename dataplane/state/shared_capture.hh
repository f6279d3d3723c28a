// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The ring of the last packets (table/packet_ring.hh), in a file of the run directory.
//
// Always on, so that the packets from before a fault are there; `tandemctl capture` writes them as a file for
// Wireshark. Where the file cannot be made, or capturing is off, put() does nothing.

#include "dataplane/contract/counters.hh"
#include "dataplane/contract/table_file.hh"
#include "dataplane/table/packet_ring.hh"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tandem::state {

/// An interface, by its place in the list that was given at the start.
struct CapturedOn {
    std::uint16_t interface { 0 };
    enum class Direction : std::uint8_t { in, out } direction{Direction::in};
};

/// Without a verdict.
inline constexpr std::uint8_t no_verdict = 0xff;

class SharedCapture {
public:
    struct Interface {
        std::string name;
        std::uint16_t link_type{0}; ///< wire::pcapng::link_ethernet or link_raw_ip
    };
    /// The parts of a ring share its size.
    SharedCapture(const std::string& run_dir, const contract::RecordSetup& setup,
                  std::span<const Interface> interfaces, contract::TablePart part = {});

    /// Keeps a packet. `realtime_ns`: CLOCK_REALTIME. `verdict`: the number of a path::Action.
    void put(std::int64_t realtime_ns, CapturedOn on, std::uint8_t verdict, contract::Counter reason,
             std::span<const std::uint8_t> packet) {
        if (ring_)
            ring_->write({.at_ns = realtime_ns,
                          .interface = on.interface,
                          .outgoing = static_cast<std::uint8_t>(on.direction),
                          .verdict = verdict,
                          .reason = static_cast<std::uint16_t>(reason)},
                         packet, keep);
    }

    /// Why there is no file, in a sentence; empty: there is, or none is wanted.
    const std::string& complaint() const { return complaint_; }

    /// The file holds a ring of so many octets.
    static contract::TableShape shape(std::size_t octets);

private:
    static constexpr std::size_t keep = 65'535;
    contract::TableWriter file_;
    std::optional<table::PacketRing> ring_;
    std::string complaint_;
};

} // namespace tandem::state
