// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/tracker.hh"

namespace tandem::state {
namespace {

/// A REGISTER of 840 octets with its credentials has 7 chunks; what a dialog keeps of an INVITE, 5.
constexpr std::size_t chunks_per_registration = 7;
constexpr std::size_t chunks_per_dialog = 5;

} // namespace

Tracker::Limits Tracker::limits_for(std::size_t registrations, std::size_t dialogs) {
    Limits limits;
    limits.registrations = {registrations, registrations * chunks_per_registration};
    limits.dialogs = {dialogs, dialogs * chunks_per_dialog};
    return limits;
}

Tracker::Tracker(const Memory& memory, const Limits& limits, std::uint64_t seed)
    : registrations_(memory.registrations, limits.registrations, seed)
    , dialogs_(memory.dialogs, limits.dialogs, seed)
    , calls_(limits.calls, seed)
    , scanner_(wire::best_sip_scanner()) {}

void Tracker::see(Instant now, const TrackedMessage& message) {
    if (wire::extract_sip(message.text, scanner_, marks_, message_)) {
        ++unread_;
        return;
    }
    const Origin& origin = message.origin;
    if (message_.method == wire::SipMethod::register_) {
        // A server that registers elsewhere is not registered here.
        if (message.way != Way::from_server)
            registrations_.see(now, origin, message_, message.text);
        return;
    }
    dialogs_.see(now, origin.group, origin.source, origin.port, message_);
    if (message.way == Way::served)
        calls_.see(now, origin.group, message_);
}

void Tracker::sweep(Instant now) {
    registrations_.sweep(now);
    dialogs_.sweep(now);
    calls_.sweep(now);
}

} // namespace tandem::state
