// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Keeps the packet-filter rules in step with the policy, and finds out what passed while no engine was there.
//
// Problem: after the engine was killed its rules stay and let SIP pass; those packets were never mirrored,
// and the brain must know how many they were. Idea: the kernel counts what each rule matches. When the next
// life finds the same rules in place it leaves them there, so that the counts go on, and compares them with
// what all lives have taken from the queue. Deliberately absent: exactness while packets arrive in every
// instant; then the number is the lowest possible one.

#include "dataplane/contract/page.hh"
#include "dataplane/io/nfqueue/engine.hh"
#include "dataplane/io/nfqueue/packet_filter.hh"

#include <cstdint>
#include <expected>
#include <string>

namespace tandem::nfqueue {

enum class Change : std::uint8_t { none, made };

class RuleKeeper {
public:
    /// The engine's worker runs already: a rule must never lead to a queue that nobody serves for longer than
    /// needed.
    RuleKeeper(contract::Page& page, Engine& engine)
        : page_(page)
        , engine_(engine) {}

    /// Takes over or places the rules; gives the number of packets missed since the last life.
    std::expected<std::uint64_t, std::string> begin();
    /// Replaces the rules when the policy asks for others. Another queue number counts from the next start.
    std::expected<Change, std::string> follow();
    /// Removes them.
    std::expected<void, std::string> end();

    Backend backend() const { return filter_.backend(); }

private:
    std::uint64_t count_missed();
    std::expected<void, std::string> place(const std::vector<QueueRule>& rules, std::uint16_t queue);

    contract::Page& page_;
    Engine& engine_;
    PacketFilter filter_;
    std::uint32_t policy_sequence_{0};
    std::uint64_t digest_{0};
};

} // namespace tandem::nfqueue
