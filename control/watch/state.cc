// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/state.hh"

namespace tandem::watch {

std::string_view to_string(State state) {
    switch (state) {
    case State::off:
        return "off";
    case State::unknown:
        return "unknown";
    case State::ok:
        return "ok";
    case State::repairing:
        return "repairing";
    case State::degraded:
        return "degraded";
    case State::failed:
        return "failed";
    }
    return "unknown";
}

State Standing::set(ha::Instant now, State state, std::string_view detail) {
    const State before = line_.state;
    line_.detail = detail;
    if (state == before)
        return before;
    line_.state = state;
    line_.since = now;
    if (is_bad(state) && !is_bad(before))
        ++line_.failures;
    return before;
}

} // namespace tandem::watch
