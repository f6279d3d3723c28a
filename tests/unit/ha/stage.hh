// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One node on a stage: the test plays its peer, its clock and its hand, and reads its outputs as lines of
// text.

#include "control/ha/node.hh"
#include "tests/scenario/words.hh"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace tandem::ha {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

using Lines = std::vector<std::string>;

inline std::string joined(const Lines& lines) {
    std::string text;
    for (const std::string& each : lines)
        text += (text.empty() ? "" : ", ") + each;
    return text;
}

class Stage {
public:
    explicit Stage(const Policy& policy = {}, Instant start = Instant{} + seconds{1000})
        : now(start)
        , node(policy, start) {
        peer.node_id = policy.node_id == 1 ? 2 : 1;
        peer.incarnation = 77;
        peer.priority = policy.priority;
        drain();
    }

    /// Gives one input and collects its outputs; what was collected before is forgotten.
    void on(const Input& input) {
        lines.clear();
        node.on(now, input);
        drain();
    }
    /// The peer says what `peer` holds, on one path.
    void beat(std::size_t path = 0) {
        peer.path = path;
        peer.holds = peer.role == Role::active && !peer_kernel_slow;
        on(peer);
    }
    /// Lets time pass in which nothing comes from outside: the node gets its ticks at its own deadlines.
    void pass(Duration duration) {
        Lines all;
        const Instant end = now + duration;
        for (unsigned turns = 0; node.deadline() <= end; ++turns) {
            if (turns == 100'000)
                std::abort(); // a deadline that never moves
            now = std::max(now, node.deadline());
            on(Tick{});
            all.insert(all.end(), lines.begin(), lines.end());
        }
        now = end;
        on(Tick{});
        all.insert(all.end(), lines.begin(), lines.end());
        lines = all;
    }
    /// Lets time pass while the peer goes on saying what `peer` holds, at every interval and on every path.
    void pass_hearing(Duration duration) {
        Lines all;
        const Instant end = now + duration;
        while (now < end) {
            const Instant step = std::min(end, now + node.policy().interval);
            while (node.deadline() < step) {
                now = std::max(now, node.deadline());
                on(Tick{});
                all.insert(all.end(), lines.begin(), lines.end());
            }
            now = step;
            for (std::size_t path = 0; path < node.policy().paths; ++path) {
                beat(path);
                all.insert(all.end(), lines.begin(), lines.end());
            }
            on(Tick{});
            all.insert(all.end(), lines.begin(), lines.end());
        }
        lines = all;
    }
    /// The node was not scheduled for `late` beyond what it asked for.
    void stall(Duration late) {
        now += late;
        on(Tick{late});
    }
    void order(Verb verb, Force force = Force::no, std::uint32_t ticket = 1) {
        on(Operator{verb, force, ticket});
    }

    Role role() const { return node.view().role; }
    std::uint64_t epoch() const { return node.view().epoch; }
    bool said(const std::string& text) const {
        return std::find(lines.begin(), lines.end(), text) != lines.end();
    }
    std::size_t count(const std::string& text) const {
        return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), text));
    }
    /// The effects alone, without what is told to people.
    std::string effects() const {
        Lines kept;
        for (const std::string& each : lines)
            if (!each.starts_with("report") && !each.starts_with("answer"))
                kept.push_back(each);
        return joined(kept);
    }

    Instant now;
    Node node;
    PeerBeat peer;
    bool peer_kernel_slow{false}; ///< the peer is active, but its kernel has not taken the addresses yet
    Lines lines;

private:
    void drain() {
        while (const auto output = node.next())
            lines.push_back(line(*output));
    }
};

/// A primary that served before and hears a standby peer which is ready: it becomes active by vacancy.
inline Stage active_stage(Policy policy = {}) {
    policy.configured = ConfiguredRole::primary;
    policy.known_epoch = 4;
    Stage stage{policy};
    stage.on(Readiness{});
    stage.peer.role = Role::standby;
    stage.peer.epoch = 4;
    stage.peer.ready = true;
    stage.pass_hearing(milliseconds{200});
    return stage;
}

/// A standby that hears an active peer of epoch 5.
inline Stage standby_stage(Policy policy = {}) {
    policy.known_epoch = 4;
    Stage stage{policy};
    stage.on(Readiness{});
    stage.peer.role = Role::active;
    stage.peer.epoch = 5;
    stage.peer.holds = true;
    stage.pass_hearing(milliseconds{100});
    return stage;
}

} // namespace tandem::ha
