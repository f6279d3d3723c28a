// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Does SIP still reach this node?
//
// Problem: everything here is well, and yet no message arrives, because a switch or a router on the way has
// forgotten us. Silence alone proves nothing: at night nobody calls. Idea: watched endpoints are asked when
// they have been silent for their `check`, and have failed after `force` more without a word. The service is
// unavailable when all of them have failed *and* no other SIP message arrived for the longest check + force
// of them. Every sign begins the time anew, and so does becoming active: what was silent under another role
// is no sign in this one. Deliberately absent: the damping of repeated swaps, which is the role engine's; the
// sending of questions.

#include "control/watch/state.hh"

#include <cstddef>
#include <optional>
#include <vector>

namespace tandem::watch {

struct EndpointTimes {
    ha::Duration check{};
    ha::Duration force{}; ///< below 5 s counts as 5 s
};

class TrafficJudge {
public:
    static constexpr ha::Duration force_min = std::chrono::seconds{5};
    /// Between questions to an endpoint that owes an answer: UDP loses some.
    static constexpr ha::Duration question_interval = std::chrono::seconds{1};

    struct Verdict {
        State state{State::unknown}; ///< unknown while not active
        bool sign{false};            ///< something arrived since the last look
        ha::Instant since{};         ///< the last sign
        std::size_t failed{0};       ///< endpoints
    };

    explicit TrafficJudge(std::vector<EndpointTimes> endpoints);
    /// The silence after which the service is unavailable; 0 without endpoints.
    ha::Duration period() const { return period_; }

    void on_role(ha::Instant now, bool active, std::uint64_t arrived);
    /// A message of an endpoint came.
    void on_message(ha::Instant now, std::size_t endpoint);
    /// The endpoints that are to be asked now; they count as asked.
    std::vector<std::size_t> due(ha::Instant now);
    /// `arrived`: SIP messages that reached this node, ever.
    Verdict look(ha::Instant now, std::uint64_t arrived);
    /// When `due` or `look` may next say something new, apart from arrivals.
    ha::Instant deadline() const;

private:
    struct Endpoint {
        ha::Duration check{};
        ha::Duration force{};
        ha::Instant heard{};
        ha::Instant ask_at{};
    };
    std::vector<Endpoint> endpoints_;
    ha::Duration period_{};
    bool active_{false};
    bool sign_{false};
    std::uint64_t arrived_{0};
    ha::Instant last_sign_{};
};

} // namespace tandem::watch
