// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the pulse asks of the hand.
//
// Problem: the hand may hang in the kernel for seconds while its queue fills, and a refused removal of the
// addresses would leave them where they do not belong. Idea: a refusal makes the group one that is owed
// something; as soon as the queue takes orders again, the pulse asks for all effects of the group's present
// role, which can be carried out any number of times. A renewal needs no such care: the next one comes by
// itself. Deliberately absent: what was refused, for it may no longer be wanted. No allocation; one thread.

#include "control/app/messages.hh"

#include <cstdint>

namespace tandem::app {

class Errands {
public:
    explicit Errands(ToHand& hand)
        : hand_(hand) {}

    void send(const HandCommand& command) noexcept {
        if (!hand_.send(command) && command.act != Act::renew)
            owed_ |= 1U << command.group;
    }

    /// True when a refusal is to be made good now; the group is owed nothing from here on, until the next
    /// one.
    bool take_debt(std::size_t group) noexcept {
        const std::uint32_t bit = 1U << group;
        const bool owed = (owed_ & bit) != 0;
        owed_ &= ~bit;
        return owed;
    }

    std::uint64_t refused() const noexcept { return hand_.refused(); }

private:
    ToHand& hand_;
    std::uint32_t owed_{0};
};
static_assert(contract::groups_max <= 32);

} // namespace tandem::app
