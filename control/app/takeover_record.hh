// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The record of a takeover: what was seen, and the measured time of each phase.
//
// The role engine knows when the peer was last heard, when its absence was established and when it was
// decided; the hand knows when the addresses were in the kernel and when the first announcement left. The two
// arrive by different ways in either order; this puts them together. Pure.

#include "control/ha/output.hh"
#include "control/ha/time.hh"

#include <cstdint>
#include <optional>

namespace tandem::app {

struct TakeoverRecord {
    std::uint64_t epoch{0};
    ha::Event cause{};
    ha::Instant last_heard{};
    ha::Instant detected{};
    ha::Instant decided{};
    ha::Instant addresses{};
    ha::Instant announced{};
};

class TakeoverRecorder {
public:
    void decided(const ha::Output& output) {
        if (record_.epoch != output.epoch)
            record_ = TakeoverRecord{.epoch = output.epoch};
        record_.cause = output.event;
        record_.last_heard = output.last_heard;
        record_.detected = output.detected;
        record_.decided = output.decided;
        has_decision_ = true;
    }
    void addresses_done(std::uint64_t epoch, ha::Instant at) {
        begin(epoch);
        if (record_.epoch == epoch && record_.addresses == ha::Instant{})
            record_.addresses = at;
    }
    void announced(std::uint64_t epoch, ha::Instant at) {
        begin(epoch);
        if (record_.epoch == epoch && record_.announced == ha::Instant{})
            record_.announced = at;
    }
    /// The record once it is whole; each record is given out once.
    std::optional<TakeoverRecord> take() {
        if (!has_decision_ || record_.addresses == ha::Instant{} || record_.announced == ha::Instant{})
            return std::nullopt;
        has_decision_ = false;
        return record_;
    }

private:
    void begin(std::uint64_t epoch) {
        if (epoch > record_.epoch) {
            record_ = TakeoverRecord{.epoch = epoch};
            has_decision_ = false;
        }
    }
    TakeoverRecord record_;
    bool has_decision_{false};
};

} // namespace tandem::app
