// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The measuring phone: OPTIONS at an even pace to one address, every answer noted with the time at which the
// kernel received it.
//
// Requests are due at fixed times from the start, whatever happened to those before: the phone never waits
// for an answer, never repeats a request, and after a stall of its own it sends what was due and says so
// (`stalls`), since a stalled phone would see an outage that nobody else saw. Deliberately absent:
// retransmission, authentication, dialogs. Calls and registrations are SIPp's part.

#include "tools/phone/endpoint.hh"

#include <cstdint>
#include <expected>
#include <string>

namespace tandem::phone {

enum class Scheduling : std::uint8_t { normal, realtime };

struct ProbeSettings {
    Endpoint target;
    Endpoint local;
    std::uint64_t rate{1000};     ///< requests a second
    std::uint64_t duration_ms{0}; ///< 0: until SIGTERM or SIGINT
    std::string log_file;
    Scheduling scheduling{Scheduling::normal};
};

/// Runs to the end and gives the summary as one line of JSON; the error is a sentence.
std::expected<std::string, std::string> run_probe(const ProbeSettings& settings);

} // namespace tandem::phone
