// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/check_desk.hh"

#include "control/app/clock.hh"

#include <boost/json/array.hpp>

#include <algorithm>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

constexpr const char* method = "network";

std::uint64_t milliseconds(ha::Duration time) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

} // namespace

CheckDesk::CheckDesk(boost::asio::io_context& io, const config::Config& config, Journal& journal,
                     std::function<void()> changed)
    : config_(config)
    , journal_(journal)
    , changed_(std::move(changed))
    , places_(places_of(config))
    , checks_(io, settings_of(places_),
              [this](std::size_t check, probe::CheckVerdict verdict) { on_verdict(check, verdict); }) {}

std::vector<CheckDesk::Place> CheckDesk::places_of(const config::Config& config) {
    std::vector<Place> places;
    for (std::size_t group = 0; group < config.groups.size(); ++group)
        for (const config::CheckSettings& settings : config.groups[group].checks)
            places.push_back({group, &settings});
    return places;
}

std::vector<const config::CheckSettings*> CheckDesk::settings_of(const std::vector<Place>& places) {
    std::vector<const config::CheckSettings*> all;
    for (const Place& place : places)
        all.push_back(place.settings);
    return all;
}

void CheckDesk::on_verdict(std::size_t check, probe::CheckVerdict verdict) {
    const bool down = verdict == probe::CheckVerdict::down;
    if (down)
        down_.insert(check);
    else
        down_.erase(check);
    tick();
    if (told_ < told_max) {
        ++told_;
        tell(check, verdict);
    } else {
        ++(down ? untold_down_ : untold_up_);
    }
    changed_();
}

void CheckDesk::tick() {
    if (now() < second_ + std::chrono::seconds{1})
        return;
    second_ = now();
    told_ = 0;
    const std::uint64_t down = std::exchange(untold_down_, 0);
    const std::uint64_t up = std::exchange(untold_up_, 0);
    if (down + up == 0)
        return;
    journal_.add(down > 0 ? Severity::warning : Severity::info, "check.many", "",
                 "besides, " + std::to_string(down) + " checks went down and " + std::to_string(up) +
                     " came up within a second: see tandemctl checks",
                 {{"down", down}, {"up", up}});
}

void CheckDesk::tell(std::size_t check, probe::CheckVerdict verdict) {
    const config::CheckSettings& settings = *places_[check].settings;
    const probe::CheckLine line = checks_.line(check);
    const bool down = verdict == probe::CheckVerdict::down;
    std::string text = "check " + settings.name + ": " + settings.address.to_string() +
                       (down ? " does not answer" : " answers");
    if (down && !line.detail.empty())
        text += ": " + line.detail;
    journal_.add(down ? Severity::warning : Severity::info, down ? "check.down" : "check.up",
                 config_.groups[places_[check].group].name, std::move(text),
                 {{"check", settings.name},
                  {"address", settings.address.to_string()},
                  {"asked", line.asked},
                  {"answers", line.answers},
                  {"at_ns", to_ns(line.since)}});
}

std::vector<Condition> CheckDesk::conditions() const {
    std::vector<std::size_t> counts(config_.groups.size());
    for (const std::size_t check : down_)
        ++counts[places_[check].group];
    std::vector<Condition> out;
    for (const std::size_t check : down_) {
        const Place& place = places_[check];
        if (counts[place.group] <= named_max)
            out.push_back({"check.down", config_.groups[place.group].name, place.settings->name,
                           "check " + place.settings->name + ": " + place.settings->address.to_string() +
                               " does not answer",
                           Gravity::warning});
    }
    for (std::size_t group = 0; group < counts.size(); ++group)
        if (counts[group] > named_max)
            out.push_back(
                {"check.down", config_.groups[group].name, "",
                 "more than " + std::to_string(named_max) + " checks are down: see tandemctl checks",
                 Gravity::warning});
    return out;
}

status::Checks CheckDesk::summary(std::size_t group) const {
    status::Checks out;
    for (std::size_t i = 0; i < places_.size(); ++i) {
        if (places_[i].group != group)
            continue;
        const probe::CheckState is = checks_.state(i);
        const std::string state{to_string(is)};
        const auto known = std::ranges::find(out.states, state, &status::Numbers::value_type::first);
        if (known != out.states.end())
            ++known->second;
        else
            out.states.emplace_back(state, 1);
        if (is == probe::CheckState::down && out.down.size() < named_max)
            out.down.push_back(places_[i].settings->name);
    }
    return out;
}

json::object CheckDesk::shown(std::size_t check) const {
    const Place& place = places_[check];
    const config::CheckSettings& settings = *place.settings;
    const probe::CheckLine line = checks_.line(check);
    json::value lasted = nullptr; // one that never ran has no state to last
    if (line.since != ha::Instant{})
        lasted = milliseconds(now() - line.since);
    json::value latency = nullptr;
    if (line.latency)
        latency = {{"last", line.latency->last_us},
                   {"min", line.latency->min_us},
                   {"median", line.latency->median_us},
                   {"p99", line.latency->p99_us}};
    return {{"name", settings.name},
            {"group", config_.groups[place.group].name},
            {"method", method},
            {"target", settings.address.to_string()},
            {"state", to_string(line.state)},
            {"for_ms", std::move(lasted)},
            {"detail", line.detail},
            {"asked", line.asked},
            {"answers", line.answers},
            {"failures", line.failures},
            {"interval_ms", settings.interval.count()},
            {"timeout_ms", settings.timeout.count()},
            {"retry", settings.retry},
            {"worst_case_ms", milliseconds(probe::policy_of(settings).worst_case())},
            {"latency_us", std::move(latency)}};
}

json::object CheckDesk::list(std::optional<std::size_t> group, std::size_t from) const {
    json::array checks;
    std::size_t i = from;
    for (; i < places_.size() && checks.size() < listed_max; ++i)
        if (!group || places_[i].group == *group)
            checks.push_back(shown(i));
    json::object out{{"checks", std::move(checks)}};
    if (i < places_.size())
        out["next"] = i;
    return out;
}

std::expected<std::string, std::string> CheckDesk::set_running(std::optional<std::size_t> group,
                                                               std::string_view name, Running running) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < places_.size(); ++i)
        if (places_[i].settings->name == name && (!group || places_[i].group == *group))
            found.push_back(i);
    if (found.empty())
        return std::unexpected("there is no such check; see tandemctl checks");
    if (found.size() > 1)
        return std::unexpected("several groups have a check of that name: say which with --group");
    const std::size_t check = found.front();
    const bool changed = running == Running::yes ? checks_.start_one(check) : checks_.stop_one(check);
    const std::string& known = places_[check].settings->name;
    const char* what = running == Running::yes ? "running" : "stopped";
    if (!changed)
        return "check " + known + " is " + what + " already";
    if (running == Running::no)
        down_.erase(check);
    journal_.add(Severity::info, running == Running::yes ? "check.started" : "check.stopped",
                 config_.groups[places_[check].group].name, "check " + known + " is " + what,
                 {{"check", known}});
    changed_();
    return "check " + known + " is " + what;
}

} // namespace tandem::app
