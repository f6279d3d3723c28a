// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/nfqueue/rule_keeper.hh"

#include <algorithm>
#include <chrono>
#include <thread>

namespace tandem::nfqueue {
namespace {

constexpr int samples_max = 5;

/// Waits until the worker has taken everything that was in the queue when this was called.
void wait_for_turns(const Engine& engine) {
    const std::uint64_t until = engine.turns() + 3;
    for (int i = 0; i < 200 && engine.turns() < until; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

} // namespace

std::expected<std::uint64_t, std::string> RuleKeeper::begin() {
    contract::Policy policy;
    policy_sequence_ = page_.policy.sequence();
    if (!page_.policy.read(policy))
        return std::unexpected("the policy changes too fast to be read");
    const auto rules = wanted_rules(policy);
    digest_ = digest(rules, engine_.queue());
    const std::uint64_t digest_before = page_.engine.rules_digest;
    const Listing present = filter_.observe();
    // Rules of a page that is gone cannot be compared with anything.
    const bool known = digest_before != 0 && present.chain && present.jump;
    const std::uint64_t missed = known ? count_missed() : 0;
    if (known && digest_before == digest_) {
        page_.engine.rules_offset += static_cast<std::int64_t>(missed);
    } else if (auto placed = place(rules, engine_.queue()); !placed) {
        return std::unexpected(placed.error());
    }
    engine_.set_rules_in_place(true);
    engine_.report_missed(missed);
    return missed;
}

std::uint64_t RuleKeeper::count_missed() {
    std::int64_t missed = 0;
    for (int i = 0; i < samples_max; ++i) {
        wait_for_turns(engine_);
        const std::uint64_t before = page_.engine.received;
        const Listing listing = filter_.observe();
        wait_for_turns(engine_);
        const std::uint64_t after = page_.engine.received;
        missed = static_cast<std::int64_t>(listing.packets - after) - page_.engine.rules_offset.load();
        if (before == after)
            break; // nothing moved meanwhile: exact
    }
    return static_cast<std::uint64_t>(std::max<std::int64_t>(missed, 0));
}

std::expected<void, std::string> RuleKeeper::place(const std::vector<QueueRule>& rules, std::uint16_t queue) {
    // Between here and the end a death leaves the digest at 0: the next life does not trust the counts.
    page_.engine.rules_digest = 0;
    if (auto placed = filter_.replace(rules, queue); !placed)
        return placed;
    page_.engine.rules_offset = -static_cast<std::int64_t>(page_.engine.received.load());
    page_.engine.rules_digest = digest_;
    return {};
}

std::expected<Change, std::string> RuleKeeper::follow() {
    const std::uint32_t sequence = page_.policy.sequence();
    if (sequence == policy_sequence_)
        return Change::none;
    contract::Policy policy;
    if (!page_.policy.read(policy))
        return Change::none; // being written; next time
    policy_sequence_ = sequence;
    const auto rules = wanted_rules(policy);
    const std::uint64_t wanted = digest(rules, engine_.queue());
    if (wanted == digest_)
        return Change::none;
    digest_ = wanted;
    if (auto placed = place(rules, engine_.queue()); !placed)
        return std::unexpected(placed.error());
    return Change::made;
}

std::expected<void, std::string> RuleKeeper::end() {
    engine_.set_rules_in_place(false);
    page_.engine.rules_digest = 0;
    return filter_.remove();
}

} // namespace tandem::nfqueue
