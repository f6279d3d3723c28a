// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The SIP messages of a burst, in the form in which they are tracked.
//
// Problem: what the first look has found need not be looked for again, and tables are quicker when they get
// the messages of a burst together. Idea: a list of views, made from where the look says that addresses,
// ports and texts are. Deliberately absent: streams and fragments, which are read one by one.

#include "dataplane/io/dpdk/burst.hh"
#include "dataplane/state/tracker.hh"

#include <array>
#include <span>

namespace tandem::dpdk {

class BurstMessages {
public:
    /// Of Burst::sip(). The views point into the packets.
    std::span<const state::TrackedMessage> of(const Selection& sip, state::Way way);

private:
    std::array<state::TrackedMessage, Burst::burst_max> messages_;
};

} // namespace tandem::dpdk
