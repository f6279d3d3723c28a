// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/listener.hh"

namespace tandem::watch {

namespace {

std::string words(const ListenerPlace& place) {
    return " port " + std::to_string(place.port) + " of " + place.address.to_string();
}

} // namespace

ListenerJudge::Verdict ListenerJudge::look(std::span<const ListenerFacts> facts) {
    const ListenerPlace* unbound = nullptr;
    const ListenerPlace* lost = nullptr;
    bool known = facts.size() >= places_.size();
    for (std::size_t i = 0; i < places_.size() && i < facts.size(); ++i) {
        known = known && facts[i].udp.has_value();
        if (!facts[i].udp.value_or(true) && unbound == nullptr)
            unbound = &places_[i];
        if (facts[i].tcp.value_or(false))
            had_tcp_[i] = true;
        else if (facts[i].tcp.has_value() && had_tcp_[i] && lost == nullptr)
            lost = &places_[i];
    }
    if (unbound != nullptr)
        return {.state = State::degraded,
                .detail = "listener: nobody has bound UDP" + words(*unbound),
                .unbound = true};
    if (!known)
        return {.state = State::unknown, .detail = "the kernel does not show its sockets", .unbound = false};
    if (lost != nullptr)
        return {.state = State::degraded,
                .detail = "listener: nobody listens any more on TCP" + words(*lost),
                .unbound = false};
    return {.state = State::ok, .detail = "all SIP ports are bound", .unbound = false};
}

} // namespace tandem::watch
