// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenario/words.hh"

#include <iterator>
#include <utility>

namespace tandem::ha {

std::string_view word(Effect value) {
    switch (value) {
    case Effect::keep_epoch:
        return "keep_epoch";
    case Effect::raise:
        return "raise";
    case Effect::grant_active:
        return "grant_active";
    case Effect::grant_yielding:
        return "grant_yielding";
    case Effect::grant_standby:
        return "grant_standby";
    case Effect::revoke:
        return "revoke";
    case Effect::announce:
        return "announce";
    case Effect::lower:
        return "lower";
    case Effect::vacate:
        return "vacate";
    case Effect::seal:
        return "seal";
    case Effect::probe:
        return "probe";
    case Effect::look:
        return "look";
    case Effect::keep_role:
        return "keep_role";
    case Effect::beat:
        return "beat";
    case Effect::report:
        return "report";
    case Effect::answer:
        return "answer";
    }
    return "unknown";
}

namespace {

/// In the order of the enumerators.
constexpr std::pair<Event, std::string_view> events[]{{Event::started, "started"},
                                                      {Event::settled, "settled"},
                                                      {Event::took_over_silence, "took_over_silence"},
                                                      {Event::took_over_gone, "took_over_gone"},
                                                      {Event::took_over_resigned, "took_over_resigned"},
                                                      {Event::took_over_unfit, "took_over_unfit"},
                                                      {Event::took_over_vacant, "took_over_vacant"},
                                                      {Event::took_over_operator, "took_over_operator"},
                                                      {Event::took_over_unserved, "took_over_unserved"},
                                                      {Event::yielded, "yielded"},
                                                      {Event::yield_ended, "yield_ended"},
                                                      {Event::lost_conflict, "lost_conflict"},
                                                      {Event::won_conflict, "won_conflict"},
                                                      {Event::unfit, "unfit"},
                                                      {Event::fit, "fit"},
                                                      {Event::resigning, "resigning"},
                                                      {Event::resign_failed, "resign_failed"},
                                                      {Event::disabled, "disabled"},
                                                      {Event::enabled, "enabled"},
                                                      {Event::peer_up, "peer_up"},
                                                      {Event::peer_silent, "peer_silent"},
                                                      {Event::peer_gone, "peer_gone"},
                                                      {Event::peer_left, "peer_left"},
                                                      {Event::path_up, "path_up"},
                                                      {Event::path_down, "path_down"},
                                                      {Event::claim_seen, "claim_seen"},
                                                      {Event::serving_elsewhere, "serving_elsewhere"},
                                                      {Event::stalled, "stalled"},
                                                      {Event::raise_failed, "raise_failed"},
                                                      {Event::paused, "paused"},
                                                      {Event::isolated, "isolated"},
                                                      {Event::reachable, "reachable"},
                                                      {Event::resigning_health, "resigning_health"},
                                                      {Event::resigning_unserved, "resigning_unserved"},
                                                      {Event::failing_back, "failing_back"},
                                                      {Event::damped, "damped"},
                                                      {Event::proven, "proven"},
                                                      {Event::role_followed, "role_followed"},
                                                      {Event::forced, "forced"},
                                                      {Event::health_changed, "health_changed"},
                                                      {Event::dual_active, "dual_active"}};

constexpr bool in_order() {
    for (std::size_t i = 0; i < std::size(events); ++i)
        if (events[i].first != static_cast<Event>(i))
            return false;
    return true;
}
static_assert(in_order() && events[std::size(events) - 1].first == Event::dual_active);

} // namespace

std::string_view word(Event value) {
    const auto index = static_cast<std::size_t>(value);
    return index < std::size(events) ? events[index].second : "unknown";
}

std::string_view word(Refusal value) {
    switch (value) {
    case Refusal::none:
        return "none";
    case Refusal::not_active:
        return "not_active";
    case Refusal::already_active:
        return "already_active";
    case Refusal::already_home:
        return "already_home";
    case Refusal::no_primary:
        return "no_primary";
    case Refusal::peer_absent:
        return "peer_absent";
    case Refusal::peer_not_ready:
        return "peer_not_ready";
    case Refusal::self_not_ready:
        return "self_not_ready";
    case Refusal::self_unfit:
        return "self_unfit";
    case Refusal::not_disabled:
        return "not_disabled";
    case Refusal::already_disabled:
        return "already_disabled";
    case Refusal::peer_unfit:
        return "peer_unfit";
    case Refusal::peer_disabled:
        return "peer_disabled";
    case Refusal::peer_engine:
        return "peer_engine";
    case Refusal::peer_mirror:
        return "peer_mirror";
    case Refusal::peer_server:
        return "peer_server";
    case Refusal::peer_config:
        return "peer_config";
    case Refusal::peer_yielding:
        return "peer_yielding";
    case Refusal::peer_state:
        return "peer_state";
    case Refusal::last_fit:
        return "last_fit";
    case Refusal::serving_elsewhere:
        return "serving_elsewhere";
    case Refusal::peer_worse:
        return "peer_worse";
    case Refusal::not_followed:
        return "not_followed";
    case Refusal::busy:
        return "busy";
    }
    return "unknown";
}

std::string line(const Output& output) {
    std::string text{word(output.effect)};
    switch (output.effect) {
    case Effect::keep_epoch:
    case Effect::raise:
    case Effect::grant_active:
        text += " " + std::to_string(output.epoch);
        break;
    case Effect::report:
        text += " " + std::string{word(output.event)};
        break;
    case Effect::answer:
        text += " " + std::to_string(output.ticket) + " " + std::string{word(output.refusal)};
        break;
    default:
        break;
    }
    return text;
}

} // namespace tandem::ha
