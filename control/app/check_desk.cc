// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/check_desk.hh"

#include "control/app/clock.hh"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

std::uint64_t milliseconds(ha::Duration time) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

} // namespace

CheckDesk::CheckDesk(boost::asio::io_context& io, const config::Config& config, Journal& journal,
                     std::function<void()> changed)
    : journal_(journal)
    , changed_(std::move(changed))
    , checks_(io, named(config),
              [this](std::size_t check, const probe::CheckNews& news) { on_news(check, news); }) {
    take_places(config);
}

std::vector<probe::Checks::Named> CheckDesk::named(const config::Config& config) {
    std::vector<probe::Checks::Named> all;
    for (const config::Group& group : config.groups)
        for (const config::CheckSettings& settings : group.checks)
            all.push_back({group.name, settings});
    return all;
}

void CheckDesk::take_places(const config::Config& config) {
    groups_.clear();
    group_of_.clear();
    for (const config::Group& group : config.groups) {
        group_of_.resize(group_of_.size() + group.checks.size(), groups_.size());
        groups_.push_back(group.name);
    }
}

probe::Checks::Reconfigured CheckDesk::reconfigure(const config::Config& config) {
    // Those that are down and go on keep what is said of them.
    using Name = std::pair<std::string, std::string>;
    std::map<Name, std::pair<config::CheckSettings, std::string>> before;
    for (auto& [check, words] : std::exchange(down_, {})) {
        const probe::Checks::Named& of = checks_.named(check);
        before[{of.group, of.settings.name}] = {of.settings, std::move(words)};
    }
    const auto done = checks_.reconfigure(named(config));
    take_places(config);
    for (std::size_t i = 0; i < checks_.count() && !before.empty(); ++i) {
        const probe::Checks::Named& of = checks_.named(i);
        const auto known = before.find({of.group, of.settings.name});
        if (known != before.end() && known->second.first == of.settings)
            down_[i] = std::move(known->second.second);
    }
    changed_();
    return done;
}

void CheckDesk::on_news(std::size_t check, const probe::CheckNews& news) {
    const bool down = news.verdict == probe::CheckVerdict::down;
    if (down)
        down_[check] = news.words;
    else
        down_.erase(check);
    tick();
    if (told_ < told_max) {
        ++told_;
        tell(check, news);
    } else {
        ++(down ? untold_down_ : untold_up_);
    }
    changed_();
    if (!hook_)
        return;
    const config::CheckSettings& settings = checks_.named(check).settings;
    hook_({checks_.named(check).group, settings.name, std::string{settings.method()}, settings.shown(),
           news.verdict, news.words, news.at, news.lasted, probe::policy_of(settings).worst_case()});
}

void CheckDesk::tick() {
    if (now() < second_ + std::chrono::seconds{1})
        return;
    second_ = now();
    told_ = 0;
    overload_.note(checks_.take_lateness());
    const std::uint64_t down = std::exchange(untold_down_, 0);
    const std::uint64_t up = std::exchange(untold_up_, 0);
    if (down + up == 0)
        return;
    journal_.add(down > 0 ? Severity::warning : Severity::info, "check.many", "",
                 "besides, " + std::to_string(down) + " checks went down and " + std::to_string(up) +
                     " came up within a second: see tandemctl checks",
                 {{"down", down}, {"up", up}});
}

void CheckDesk::tell(std::size_t check, const probe::CheckNews& news) {
    const config::CheckSettings& settings = checks_.named(check).settings;
    const probe::CheckLine line = checks_.line(check);
    const bool down = news.verdict == probe::CheckVerdict::down;
    journal_.add(down ? Severity::warning : Severity::info, down ? "check.down" : "check.up",
                 checks_.named(check).group,
                 "check " + settings.name + ": " + settings.shown() + " " + news.words,
                 {{"check", settings.name},
                  {"method", settings.method()},
                  {"target", settings.shown()},
                  {"detail", news.words},
                  {"asked", line.asked},
                  {"answers", line.answers},
                  {"refusals", line.refusals},
                  {"lasted_ms", milliseconds(news.lasted)},
                  {"heard_ns", to_ns(news.heard)},
                  {"at_ns", to_ns(news.at)}});
}

std::vector<Condition> CheckDesk::conditions() const {
    std::vector<std::size_t> counts(groups_.size());
    for (const auto& [check, words] : down_)
        ++counts[group_of_[check]];
    std::vector<Condition> out;
    for (const auto& [check, words] : down_) {
        const probe::Checks::Named& of = checks_.named(check);
        if (counts[group_of_[check]] <= named_max)
            out.push_back({"check.down", of.group, of.settings.name,
                           "check " + of.settings.name + ": " + of.settings.shown() + " " + words,
                           Gravity::warning});
    }
    if (overload_.overloaded())
        out.push_back({"checks.late", "", "",
                       "checks are asked more than " + std::to_string(milliseconds(Overload::late_max)) +
                           " ms after their time, so targets that go away are found later than is told: this "
                           "node is too busy for so many; lengthen interval_ms, or have fewer checks",
                       Gravity::warning});
    for (std::size_t group = 0; group < counts.size(); ++group)
        if (counts[group] > named_max)
            out.push_back(
                {"check.down", groups_[group], "",
                 "more than " + std::to_string(named_max) + " checks are down: see tandemctl checks",
                 Gravity::warning});
    return out;
}

status::Checks CheckDesk::summary(std::size_t group) const {
    status::Checks out;
    std::array<std::uint64_t, probe::check_states.size()> counts{};
    for (std::size_t i = 0; i < checks_.count(); ++i) {
        if (group_of_[i] != group)
            continue;
        const probe::CheckState is = checks_.state(i);
        ++counts[static_cast<std::size_t>(is)];
        if (is == probe::CheckState::down && out.down.size() < named_max)
            out.down.push_back(checks_.named(i).settings.name);
    }
    for (const probe::CheckState state : probe::check_states)
        if (const std::uint64_t count = counts[static_cast<std::size_t>(state)]; count > 0)
            out.states.emplace_back(to_string(state), count);
    return out;
}

json::object CheckDesk::shown(std::size_t check) const {
    const config::CheckSettings& settings = checks_.named(check).settings;
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
            {"group", checks_.named(check).group},
            {"method", settings.method()},
            {"target", settings.shown()},
            {"state", to_string(line.state)},
            {"for_ms", std::move(lasted)},
            {"detail", line.detail},
            {"asked", line.asked},
            {"answers", line.answers},
            {"refusals", line.refusals},
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
    for (; i < checks_.count() && checks.size() < listed_max; ++i)
        if (!group || group_of_[i] == *group)
            checks.push_back(shown(i));
    json::object out{{"checks", std::move(checks)}, {"late_ms", milliseconds(overload_.late())}};
    if (i < checks_.count())
        out["next"] = i;
    return out;
}

std::expected<std::string, std::string> CheckDesk::set_running(std::optional<std::size_t> group,
                                                               std::string_view name, Running running) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < checks_.count(); ++i)
        if (checks_.named(i).settings.name == name && (!group || group_of_[i] == *group))
            found.push_back(i);
    if (found.empty())
        return std::unexpected("there is no such check; see tandemctl checks");
    if (found.size() > 1)
        return std::unexpected("several groups have a check of that name: say which with --group");
    const std::size_t check = found.front();
    const bool changed = running == Running::yes ? checks_.start_one(check) : checks_.stop_one(check);
    const std::string& known = checks_.named(check).settings.name;
    const char* what = running == Running::yes ? "running" : "stopped";
    if (!changed)
        return "check " + known + " is " + what + " already";
    if (running == Running::no)
        down_.erase(check);
    journal_.add(Severity::info, running == Running::yes ? "check.started" : "check.stopped",
                 checks_.named(check).group, "check " + known + " is " + what, {{"check", known}});
    changed_();
    return "check " + known + " is " + what;
}

} // namespace tandem::app
