// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The engine without a network: the same packet path, fed from a capture file.
//
// Every packet counts as one from outside. Time is that of the capture, beginning at `start`.
// Deliberately absent: forwarding anything; the verdicts are the result.

#include "dataplane/contract/page.hh"
#include "dataplane/io/pcap/capture.hh"
#include "dataplane/path/path.hh"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace tandem::pcap {

struct Outcome {
    path::Action action{path::Action::forward};
    std::optional<path::Action> released; ///< of a packet that was held: what became of it
    std::vector<std::uint8_t> mirrored;   ///< the frame for the peer, before the seal; empty: none
    path::Judgement judgement;            ///< meaningless for what is not IP
};

/// Told of each packet in its turn.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void on_packet(const Captured& captured, const Outcome& outcome) = 0;
    /// A packet that was held, counted from 0 over all packets.
    virtual void on_released(std::uint32_t packet, path::Action action, bool mirrored) = 0;
};

/// Runs a capture file through a path of its own. `page` brings policy and grants, and takes the counters.
/// After the last packet time goes on for as long as a packet is held at most. The error is a sentence; what
/// came before the damage has been told.
std::expected<void, std::string> replay(const std::string& file, contract::Page& page, path::Instant start,
                                        Observer& observer);

/// The same, all at once.
std::expected<std::vector<Outcome>, std::string> replay(const std::string& file, contract::Page& page,
                                                        path::Instant start);

} // namespace tandem::pcap
