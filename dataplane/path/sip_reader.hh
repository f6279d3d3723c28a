// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// SIP messages out of the packets of a VIP, whatever carries them.
//
// A datagram is a message; of a TCP stream, messages come out when they are complete. Both directions are
// read: what is sent to a SIP port of a VIP, and what comes from one. Deliberately absent: verdicts (a
// segment has been passed on long before its message is whole), TLS and WebSocket (counted by the streams).

#include "dataplane/contract/policy.hh"
#include "dataplane/path/inspect.hh"
#include "dataplane/path/sip_streams.hh"

#include <cstdint>
#include <optional>
#include <span>

namespace tandem::path {

enum class Toward : std::uint8_t { server, network };

class SipReader {
public:
    /// `seed`: random.
    explicit SipReader(std::uint64_t seed, const StreamLimits& limits = {});

    /// Takes a whole packet from its IP header on; drain next() before its octets go away. `now` never goes
    /// back.
    void take(Instant now, std::span<const std::uint8_t> packet, Toward toward,
              const contract::Policy& policy);
    /// What may be a SIP message. Valid until the next call.
    std::optional<SipText> next();

    /// Forgets silent streams, a bounded number at a time.
    void expire(Instant now) { streams_.expire(now); }
    const StreamCounts& streams() const { return streams_.counts(); }

private:
    SipStreams streams_;
    SipText current_;
    bool datagram_{false};
    bool stream_{false};
};

} // namespace tandem::path
