// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/nic.hh"

#include <utility>

namespace tandem::watch {

NicJudge::NicJudge(ha::Instant now, std::vector<WatchedPort> ports, ha::Duration rx_silence)
    : ports_(std::move(ports))
    , records_(ports_.size(), Record{.fault = Fault::none, .received = 0, .grew = now})
    , rx_silence_(rx_silence) {}

NicJudge::Fault NicJudge::fault_of(ha::Instant now, std::size_t port, const PortFacts& facts) {
    Record& record = records_[port];
    // A port that comes back has all its time to receive something; a driver that was loaded again counts
    // from 0, which is a change as well.
    if (!facts.present || !facts.carrier || facts.received != record.received)
        record.grew = now;
    record.received = facts.received;
    if (!facts.present)
        return Fault::absent;
    if (!facts.carrier)
        return Fault::carrier;
    if (ports_[port].use == PortUse::outside && rx_silence_ > ha::Duration{0} &&
        now - record.grew >= rx_silence_)
        return Fault::silent;
    return Fault::none;
}

std::string NicJudge::sentence(std::size_t port, Fault fault) const {
    const WatchedPort& watched = ports_[port];
    const std::string name = (watched.use == PortUse::outside  ? "outside interface "
                              : watched.use == PortUse::inside ? "inside interface "
                              : watched.use == PortUse::path   ? "interface of an HA path, "
                                                               : "management interface ") +
                             watched.name;
    switch (fault) {
    case Fault::none:
        return name + " works again";
    case Fault::absent:
        return name + " does not exist";
    case Fault::carrier:
        return name + " has no carrier";
    case Fault::silent:
        return name + " has received nothing for " +
               std::to_string(std::chrono::duration_cast<std::chrono::seconds>(rx_silence_).count()) + " s";
    }
    return name;
}

NicJudge::Verdict NicJudge::look(ha::Instant now, std::span<const PortFacts> facts) {
    Verdict verdict{.state = State::ok, .detail = "all ports work", .events = {}};
    for (std::size_t port = 0; port < ports_.size() && port < facts.size(); ++port) {
        const Fault fault = fault_of(now, port, facts[port]);
        if (const Fault before = std::exchange(records_[port].fault, fault);
            (before == Fault::none) != (fault == Fault::none))
            verdict.events.push_back({.restored = fault == Fault::none, .detail = sentence(port, fault)});
        if (fault == Fault::none)
            continue;
        const PortUse use = ports_[port].use;
        const State state =
            use == PortUse::outside || use == PortUse::inside ? State::failed : State::degraded;
        if (state > verdict.state) { // the first of the worst gives the words
            verdict.state = state;
            verdict.detail = sentence(port, fault);
        }
    }
    return verdict;
}

} // namespace tandem::watch
