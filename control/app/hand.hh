// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The hand: carries out what the role engine decided, in order.
//
// Problem: netlink requests wait for the kernel's routing lock, which any other process may hold for
// milliseconds. Heartbeats must not wait for it. Idea: a thread of its own, just below the pulse in priority.
// It takes commands from one queue and so keeps their order; it tells the pulse whether addresses were taken,
// and the service when each step was done. Deliberately absent: decisions.

#include "control/announce/announce.hh"
#include "control/app/messages.hh"
#include "dataplane/contract/page.hh"
#include "netlink/kernel.hh"

#include <array>
#include <cstdint>
#include <thread>
#include <vector>

namespace tandem::app {

/// One group's prepared effects.
struct GroupEffects {
    netlink::Batch rise;
    netlink::Batch fall;
    netlink::Batch vacate;
    netlink::Batch seal;
    netlink::Batch renew;
    std::vector<announce::Announcer> announcements; ///< one for each interface on which it has addresses
};

class Hand {
public:
    /// `page` and the mailboxes outlive the hand.
    Hand(contract::Page& page, netlink::BatchSocket socket, std::vector<GroupEffects> groups,
         ToHand& commands, FromHand& results, HandNotes& notes, const EndedTerms& terms);
    ~Hand();
    Hand(const Hand&) = delete;
    Hand& operator=(const Hand&) = delete;

    void start();
    /// Asks the thread to end after the commands before it, and waits. `commands` must have no other sender
    /// any more.
    void stop();

private:
    void run();
    void carry_out(const HandCommand& command);
    void note(const HandCommand& command, int error);

    contract::Page& page_;
    netlink::BatchSocket socket_;
    std::vector<GroupEffects> groups_;
    ToHand& commands_;
    FromHand& results_;
    HandNotes& notes_;
    const EndedTerms& terms_;
    std::thread thread_;
    bool running_{false};
};

} // namespace tandem::app
