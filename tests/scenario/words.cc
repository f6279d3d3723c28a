// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenario/words.hh"

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
    case Effect::beat:
        return "beat";
    case Effect::report:
        return "report";
    case Effect::answer:
        return "answer";
    }
    return "unknown";
}

std::string_view word(Event value) {
    switch (value) {
    case Event::started:
        return "started";
    case Event::settled:
        return "settled";
    case Event::took_over_silence:
        return "took_over_silence";
    case Event::took_over_gone:
        return "took_over_gone";
    case Event::took_over_resigned:
        return "took_over_resigned";
    case Event::took_over_unfit:
        return "took_over_unfit";
    case Event::took_over_vacant:
        return "took_over_vacant";
    case Event::took_over_operator:
        return "took_over_operator";
    case Event::yielded:
        return "yielded";
    case Event::yield_ended:
        return "yield_ended";
    case Event::lost_conflict:
        return "lost_conflict";
    case Event::won_conflict:
        return "won_conflict";
    case Event::unfit:
        return "unfit";
    case Event::fit:
        return "fit";
    case Event::resigning:
        return "resigning";
    case Event::resign_failed:
        return "resign_failed";
    case Event::disabled:
        return "disabled";
    case Event::enabled:
        return "enabled";
    case Event::peer_up:
        return "peer_up";
    case Event::peer_silent:
        return "peer_silent";
    case Event::peer_gone:
        return "peer_gone";
    case Event::peer_left:
        return "peer_left";
    case Event::path_up:
        return "path_up";
    case Event::path_down:
        return "path_down";
    case Event::claim_seen:
        return "claim_seen";
    case Event::serving_elsewhere:
        return "serving_elsewhere";
    case Event::stalled:
        return "stalled";
    case Event::raise_failed:
        return "raise_failed";
    }
    return "unknown";
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
