// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/status.hh"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace tandem::status {
namespace {

namespace json = boost::json;

std::string_view text(PeerState state) {
    switch (state) {
    case PeerState::unknown:
        return "unknown";
    case PeerState::up:
        return "up";
    case PeerState::down:
        return "down";
    }
    return "unknown";
}

std::string_view text(PathState state) {
    switch (state) {
    case PathState::never:
        return "never";
    case PathState::up:
        return "up";
    case PathState::down:
        return "down";
    }
    return "never";
}

/// JSON has true, false and null where this side has three names.
json::value value(Sync sync) {
    if (sync == Sync::unknown)
        return nullptr;
    return sync == Sync::in_sync;
}

/// JSON knows no infinity.
json::value value(double number) {
    if (std::isfinite(number))
        return number;
    return nullptr;
}

json::value value(const std::optional<double>& number) {
    return number ? value(*number) : json::value(nullptr);
}

json::value value(const std::optional<std::uint64_t>& number) {
    return number ? json::value(*number) : json::value(nullptr);
}

json::object numbers(const Numbers& list) {
    json::object object;
    for (const auto& [name, number] : list)
        object[name] = number;
    return object;
}

json::array numbers(const std::vector<Numbers>& lists) {
    json::array array;
    for (const Numbers& list : lists)
        array.emplace_back(numbers(list));
    return array;
}

json::array sentences(const std::vector<std::string>& list) {
    json::array array;
    for (const auto& sentence : list)
        array.emplace_back(sentence);
    return array;
}

json::array alarm_sentences(const std::vector<Alarm>& alarms) {
    json::array array;
    for (const auto& alarm : alarms)
        array.emplace_back(alarm.group.empty() ? alarm.sentence
                                               : "group " + alarm.group + ": " + alarm.sentence);
    return array;
}

json::array to_json(const std::vector<Alarm>& alarms) {
    json::array array;
    for (const auto& alarm : alarms)
        array.push_back({{"code", alarm.code},
                         {"group", alarm.group},
                         {"subject", alarm.subject},
                         {"sentence", alarm.sentence},
                         {"since", iso8601(alarm.since)},
                         {"id", alarm.id},
                         {"severity", alarm.severity},
                         {"acknowledged_by", alarm.acknowledged_by}});
    return array;
}

json::array to_json(const std::vector<Monitor>& monitors) {
    json::array array;
    for (const auto& monitor : monitors)
        array.push_back({{"name", monitor.name},
                         {"state", monitor.state},
                         {"detail", monitor.detail},
                         {"since", iso8601(monitor.since)},
                         {"failures", monitor.failures}});
    return array;
}

json::object to_json(const Group& group) {
    json::array vips;
    for (const auto& vip : group.vips)
        vips.push_back({{"address", vip.address}, {"on_outside", vip.placement == Placement::on_outside}});
    json::array inside_vips;
    for (const auto& vip : group.inside_vips)
        inside_vips.push_back(
            {{"address", vip.address}, {"on_inside", vip.placement == Placement::on_outside}});
    return {{"name", group.name},
            {"configured_role", group.configured_role},
            {"role", group.role},
            {"epoch", group.epoch},
            {"vips", std::move(vips)},
            {"interface", group.interface},
            {"priority", group.priority},
            {"ready", group.readiness == Readiness::ready},
            {"reason", group.reason},
            {"since", iso8601(group.since)},
            {"transitions", group.transitions},
            {"mirroring", group.mirroring == Mirroring::on},
            {"pattern", group.pattern},
            {"file_role", group.file_role.empty() ? group.configured_role : group.file_role},
            {"score", group.score},
            {"lacks", sentences(group.lacks)},
            {"isolated", group.isolated},
            {"hysteresis", group.hysteresis},
            {"damper", {{"factor", group.damper.factor}, {"remaining_ms", value(group.damper.remaining_ms)}}},
            {"failback",
             {{"policy", group.failback.policy},
              {"in_ms", value(group.failback.in_ms)},
              {"window_in_ms", value(group.failback.window_in_ms)}}},
            {"calls", value(group.calls)},
            {"monitors", to_json(group.monitors)},
            {"checks", {{"states", numbers(group.checks.states)}, {"down", sentences(group.checks.down)}}},
            {"forwarding", group.forwarding},
            {"servers", sentences(group.servers)},
            {"inside_vips", std::move(inside_vips)}};
}

std::string_view text(MirrorWay way) {
    switch (way) {
    case MirrorWay::kernel:
        return "kernel";
    case MirrorWay::port:
        return "port";
    case MirrorWay::port_clear:
        return "port, in clear";
    }
    return "";
}

json::object to_json(const Path& path) {
    return {{"name", path.name},
            {"local", path.local},
            {"peer", path.peer},
            {"state", text(path.state)},
            {"stream", path.stream == StreamState::up ? "up" : "down"},
            {"rtt_us", {{"last", value(path.rtt_us_last)}, {"min", value(path.rtt_us_min)}}},
            {"last_heard_ms", value(path.last_heard_ms)},
            {"counters", numbers(path.counters)},
            {"mirror", text(path.mirror)}};
}

json::array workers(const std::vector<Numbers>& counters) {
    json::array array;
    for (const Numbers& worker : counters)
        array.emplace_back(json::object{{"counters", numbers(worker)}});
    return array;
}

json::array ports(const std::vector<Port>& list) {
    json::array array;
    for (const Port& port : list)
        array.emplace_back(json::object{{"name", port.name},
                                        {"kernel_interface", port.kernel_interface},
                                        {"link", port.link},
                                        {"speed_mbps", port.speed_mbps},
                                        {"counters", numbers(port.counters)},
                                        {"queues", numbers(port.queues)}});
    return array;
}

} // namespace

json::object to_json(const NodeStatus& status) {
    json::array groups;
    for (const auto& group : status.groups)
        groups.emplace_back(to_json(group));
    json::array paths;
    for (const auto& path : status.paths)
        paths.emplace_back(to_json(path));
    std::array<char, 17> digest{};
    std::snprintf(digest.data(), digest.size(), "%016llx",
                  static_cast<unsigned long long>(status.config_digest));
    return {{"node", {{"id", status.node_id}, {"name", status.name}}},
            {"version", status.version},
            {"incarnation", status.incarnation},
            {"uptime_ms", status.uptime.count()},
            {"now", iso8601(status.now)},
            {"pair", status.pair_id},
            {"config_digest", digest.data()},
            {"groups", std::move(groups)},
            {"peer",
             {{"state", text(status.peer.state)}, {"id", status.peer.node_id}, {"name", status.peer.name}}},
            {"paths", std::move(paths)},
            {"mirror",
             {{"sent", status.mirror.sent},
              {"confirmed", status.mirror.confirmed},
              {"received", status.mirror.received},
              {"lost", status.mirror.lost},
              {"in_sync", value(status.mirror.sync)}}},
            {"engine",
             {{"running", status.engine.state != EngineState::absent},
              {"attached", status.engine.state == EngineState::attached},
              {"pid", status.engine.pid},
              {"backend", status.engine.backend},
              {"workers", workers(status.engine.workers)},
              {"ports", ports(status.engine.ports)}}},
            {"detection",
             {{"interval_ms", value(status.detection.interval_ms)},
              {"multiplier", status.detection.multiplier},
              {"worst_case_ms", value(status.detection.worst_case_ms)}}},
            {"beats",
             {{"sent", status.beats.sent},
              {"later_than_us", numbers(status.beats.later_than_us)},
              {"late_max_us", status.beats.late_max_us},
              {"late_minute_us", status.beats.late_minute_us}}},
            {"counters", numbers(status.counters)},
            {"alarms", alarm_sentences(status.alarms)},
            {"alarm_list", to_json(status.alarms)},
            {"alarms_ended", status.alarms_ended},
            {"warnings", sentences(status.warnings)}};
}

std::string iso8601(WallClock::time_point time) {
    const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    const auto milliseconds = static_cast<int>((since_epoch - seconds).count());
    const std::time_t clock = static_cast<std::time_t>(seconds.count());
    std::tm parts{};
    localtime_r(&clock, &parts);
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const long minutes = parts.tm_gmtoff / 60;
    const int offset = static_cast<int>(minutes < 0 ? -minutes : minutes);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s.%03d%c%02d:%02d", date.data(), milliseconds,
                  minutes < 0 ? '-' : '+', offset / 60 % 100, offset % 60);
    return text.data();
}

} // namespace tandem::status
