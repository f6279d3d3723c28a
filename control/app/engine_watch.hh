// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Is the fast path alive? Is the mirror in sync? Pure: the shared page's numbers and the time are arguments.

#include "control/ha/time.hh"
#include "dataplane/contract/page.hh"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tandem::app {

enum class EngineState : std::uint8_t { absent, starting, running, stalled };

constexpr const char* to_string(EngineState state) {
    switch (state) {
    case EngineState::absent:
        return "absent";
    case EngineState::starting:
        return "starting";
    case EngineState::running:
        return "running";
    case EngineState::stalled:
        return "stalled";
    }
    return "absent";
}

/// What the page says at one moment.
struct EngineSigns {
    contract::Beats beats{}; ///< of each worker
    std::size_t workers{1};
    std::int32_t pid{0};
    bool attached{false};
    bool process_exists{false};
};

class EngineWatch {
public:
    /// Each worker of the engine turns at least every 20 ms; ten times that without a turn of one of them is
    /// a stall: what belongs to that worker does not pass.
    static constexpr ha::Duration patience = std::chrono::milliseconds{200};

    EngineState look(ha::Instant now, const EngineSigns& signs) {
        const bool other = signs.pid != pid_ || signs.workers != workers_;
        pid_ = signs.pid;
        workers_ = signs.workers;
        ha::Instant oldest = now;
        for (std::size_t i = 0; i < std::min(workers_, beats_.size()); ++i) {
            if (other || signs.beats[i] != beats_[i])
                changed_[i] = now;
            oldest = std::min(oldest, changed_[i]);
        }
        beats_ = signs.beats;
        if (signs.pid == 0 || !signs.process_exists)
            return EngineState::absent;
        if (now - oldest > patience)
            return EngineState::stalled;
        return signs.attached ? EngineState::running : EngineState::starting;
    }

private:
    contract::Beats beats_{};
    std::array<ha::Instant, contract::workers_max> changed_{};
    std::size_t workers_{0};
    std::int32_t pid_{0};
};

/// The receiving side of the mirror, as far as this node can say.
struct MirrorSigns {
    std::uint64_t received{0};  ///< handled without gap
    std::uint64_t announced{0}; ///< what the peer says it has sent
    std::int64_t announced_at_ns{0};
};

/// In sync: the peer's stream spoke recently and at most a handful of packets are under way.
constexpr bool in_sync(std::int64_t now_ns, const MirrorSigns& signs) {
    constexpr std::int64_t recent_ns = 1'000'000'000;
    constexpr std::uint64_t under_way = 64;
    return signs.announced_at_ns != 0 && now_ns - signs.announced_at_ns <= recent_ns &&
           signs.received + under_way >= signs.announced;
}

} // namespace tandem::app
