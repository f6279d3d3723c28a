// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/checks.hh"

#include <algorithm>
#include <map>
#include <set>

namespace tandem::config {
namespace {

using wire::IpAddress;

void check_traffic(const Watch& watch, const Places::WatchPlaces& places, Complaints& complaints) {
    if (watch.traffic == Monitor::on && watch.endpoints.empty())
        complaints.add(
            places.traffic.value_or(places.section), "\"traffic\" is on without an endpoint",
            "add at least one [[group.watch.endpoint]]: silence alone never means that the service "
            "is gone");
    if (watch.traffic == Monitor::off && !watch.endpoints.empty())
        complaints.add(places.endpoints.front(), "an endpoint is given, but \"traffic\" is off",
                       "write traffic = true in [group.watch], or remove the endpoint");
    std::map<std::string, Place> names;
    for (std::size_t i = 0; i < watch.endpoints.size(); ++i) {
        const std::string& name = watch.endpoints[i].name;
        const auto [first, fresh] = names.emplace(name, places.endpoints[i]);
        if (!fresh && !name.empty())
            complaints.add(places.endpoints[i], "endpoint " + quoted(name) + " is there twice",
                           "the first is at line " + std::to_string(first->second.line) +
                               "; give each endpoint its own name");
    }
}

void check_nic(const Watch& watch, const Places::WatchPlaces& places, Complaints& complaints) {
    if (watch.nic == Monitor::on)
        return;
    const char* hint = "write nic = true in [group.watch], or remove this key";
    if (places.rx_silence)
        complaints.add(*places.rx_silence, "\"rx_silence_s\" is given, but \"nic\" is off", hint);
    if (places.management)
        complaints.add(*places.management, "\"management_interface\" is given, but \"nic\" is off", hint);
}

void check_server(const Watch& watch, const Places::WatchPlaces& places, Complaints& complaints) {
    if (watch.server_timeout >= watch.server_interval)
        complaints.add(places.server_timeout,
                       "\"server_timeout_ms\" is not shorter than \"server_interval_ms\"",
                       "they are " + std::to_string(watch.server_timeout.count()) + " and " +
                           std::to_string(watch.server_interval.count()) + " milliseconds");
}

void check_witnesses(const Draft& draft, std::size_t index, Complaints& complaints) {
    const Watch& watch = draft.config.groups[index].watch;
    const auto& places = draft.places.groups[index].watch;
    std::set<IpAddress> seen;
    for (std::size_t i = 0; i < watch.witnesses.size(); ++i) {
        const IpAddress& witness = watch.witnesses[i];
        const auto complain = [&](const std::string& what, const std::string& hint) {
            complaints.add(places.witnesses[i], "witness " + witness.to_string() + " " + what, hint);
        };
        if (!seen.insert(witness).second)
            complain("is there twice", "remove one of them");
        for (const Group& group : draft.config.groups)
            for (const auto& vip : group.vips)
                if (vip.address == witness)
                    complain("is a VIP", "a VIP moves between the nodes; name a gateway or another machine");
        for (const Path& path : draft.config.paths)
            if (path.local == witness || path.peer == witness)
                complain(
                    "is one of the two nodes",
                    "its silence would say nothing about the network; name a gateway or another machine");
    }
}

void check_check(const CheckSettings& check, const Places::CheckPlaces& places, Complaints& complaints) {
    const auto ms = [](std::chrono::milliseconds time) {
        return std::to_string(time.count()) + " milliseconds";
    };
    if (check.timeout < check.interval)
        complaints.add(places.timeout, "\"timeout_ms\" is shorter than \"interval_ms\"",
                       "they are " + ms(check.timeout) + " and " + ms(check.interval) +
                           ": a target that answers every question would be down in between");
    else if (check.timeout > check.interval * CheckSettings::timeout_intervals_max)
        complaints.add(places.timeout,
                       "\"timeout_ms\" is longer than " +
                           std::to_string(CheckSettings::timeout_intervals_max) + " times \"interval_ms\"",
                       "they are " + ms(check.timeout) + " and " + ms(check.interval) +
                           "; ask less often, or wait less long");
    const wire::IpAddress address = check.asked();
    if (check.source.size() != 0 && address.size() != 0 && check.source.family != address.family)
        complaints.add(places.source, "\"source\" and \"address\" are not of the same family",
                       "they are " + check.source.to_string() + " and " + address.to_string());
}

void check_checks(const Group& group, const Places::GroupPlaces& places, Complaints& complaints) {
    std::map<std::string, Place> names;
    for (std::size_t i = 0; i < group.checks.size(); ++i) {
        const std::string& name = group.checks[i].name;
        const auto [first, fresh] = names.emplace(name, places.checks[i].name);
        if (!fresh && !name.empty())
            complaints.add(places.checks[i].name, "check " + quoted(name) + " is there twice",
                           "the first is at line " + std::to_string(first->second.line) +
                               "; give each check of a group its own name");
        check_check(group.checks[i], places.checks[i], complaints);
    }
}

void check_failback(const Failback& failback, const Places::FailbackPlaces& places, Complaints& complaints) {
    const bool window = failback.policy == FailbackPolicy::window;
    const auto belongs = [&](const std::optional<Place>& place, const char* key) {
        if (place && !window)
            complaints.add(*place, "\"" + std::string{key} + "\" belongs to policy = \"window\"",
                           "write policy = \"window\" in [group.failback], or remove this key");
    };
    belongs(places.from, "from");
    belongs(places.to, "to");
    belongs(places.days, "days");
    belongs(places.calls_max, "calls_max");
    if (!window)
        return;
    if (!places.from || !places.to)
        complaints.add(places.section,
                       std::string{"policy \"window\" has no \""} + (places.from ? "to" : "from") + "\"",
                       "say when the group may return, for example from = \"02:00\", to = \"05:00\"");
    else if (failback.from_minute == failback.to_minute)
        complaints.add(*places.to, "\"from\" and \"to\" are the same: the window is never open",
                       "for the whole day write from = \"00:00\", to = \"24:00\"");
}

} // namespace

void check_watch(const Draft& draft, Complaints& complaints) {
    for (std::size_t i = 0; i < draft.config.groups.size(); ++i) {
        const Watch& watch = draft.config.groups[i].watch;
        const auto& places = draft.places.groups[i];
        check_traffic(watch, places.watch, complaints);
        check_nic(watch, places.watch, complaints);
        check_server(watch, places.watch, complaints);
        check_witnesses(draft, i, complaints);
        check_checks(draft.config.groups[i], places, complaints);
        check_failback(draft.config.groups[i].failback, places.failback, complaints);
    }
}

} // namespace tandem::config
