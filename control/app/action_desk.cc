// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/action_desk.hh"

#include "control/app/clock.hh"
#include "control/status/status.hh"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace tandem::app {
namespace asio = boost::asio;
namespace json = boost::json;
using Kind = act::Runner::Output::Kind;
namespace {

/// A list that is refused again and again has one event in this time.
constexpr ha::Duration refusals_apart = std::chrono::seconds{60};

/// RFC 3339, with the zone.
std::string time_now() {
    return status::iso8601(status::WallClock::now());
}

act::OnError to_act(config::OnError on_error) {
    return on_error == config::OnError::stop ? act::OnError::stop : act::OnError::proceed;
}

std::string sentence_of(act::RunEnd end) {
    switch (end) {
    case act::RunEnd::done:
        return "has ended well";
    case act::RunEnd::failed:
        return "has ended, and not all of it succeeded";
    case act::RunEnd::stopped:
        return "was ended by an action that failed";
    case act::RunEnd::obsolete:
        return "was cancelled: the role has changed again";
    case act::RunEnd::cancelled:
        return "was cancelled";
    case act::RunEnd::folded:
        return "waits already: the later cause counts";
    case act::RunEnd::full:
        return "was not begun: too many lists wait";
    case act::RunEnd::limited:
        return "was not begun: it has run too often within a minute";
    }
    return {};
}

std::string name_of(act::RunEnd end) {
    switch (end) {
    case act::RunEnd::obsolete:
    case act::RunEnd::cancelled:
        return "action.list_cancelled";
    case act::RunEnd::full:
    case act::RunEnd::limited:
        return "action.list_refused";
    default:
        return "action.list_ended";
    }
}

} // namespace

json::object to_json(const ActionResult& result) {
    json::object out{{"result", act::to_string(result.result)},
                     {"detail", result.detail},
                     {"took_ms", static_cast<double>(result.took.count()) / 1000.0}};
    if (!result.output.empty())
        out["output"] = result.output;
    if (result.output_cut)
        out["output_cut"] = true;
    return out;
}

ActionDesk::ActionDesk(asio::io_context& io, const config::Config& config, Journal& journal,
                       ActionDoors doors, Peer peer)
    : io_(io)
    , config_(std::make_shared<const config::Config>(config))
    , journal_(journal)
    , peer_(std::move(peer))
    , hands_(io, config_, std::move(doors))
    , roles_(config.groups.size(), ha::Role::init)
    , views_(config.groups.size())
    , timer_(io)
    , ticket_stem_(std::to_string(config.node.id) + "-" + std::to_string(std::random_device{}()) + "-") {
    hang_up_lists();
}

void ActionDesk::hang_up_lists() {
    hooks_.clear();
    const auto& lists = config_->actions.lists;
    for (std::size_t i = 0; i < lists.size(); ++i)
        hooks_[{lists[i].group, lists[i].trigger, lists[i].check}].push_back(i);
}

void ActionDesk::reconfigure(const config::Config& config) {
    const auto before = config_;
    config_ = std::make_shared<const config::Config>(config);
    hands_.reconfigure(config_);
    hang_up_lists();
    for (auto& [group, desk] : desks_)
        desk.runner.reconfigure(runner_settings());
    std::vector<ha::Role> roles(config.groups.size(), ha::Role::init);
    std::vector<ha::View> views(config.groups.size());
    for (std::size_t i = 0; i < config.groups.size(); ++i)
        for (std::size_t j = 0; j < before->groups.size() && j < roles_.size(); ++j)
            if (before->groups[j].name == config.groups[i].name) {
                roles[i] = roles_[j];
                views[i] = views_[j];
            }
    roles_ = std::move(roles);
    views_ = std::move(views);
}

void ActionDesk::stop() {
    stopped_ = true;
    for (auto& [group, desk] : desks_)
        desk.runner.cancel(now(), "");
    for (auto& [group, desk] : desks_)
        pump(group);
}

// ---- what begins lists ----

void ActionDesk::look(const PulseSnapshot& snapshot) {
    give_up_remote(snapshot.peer_incarnation);
    for (std::size_t i = 0; i < roles_.size(); ++i) {
        const ha::View& view = snapshot.groups[i];
        const ha::View was = std::exchange(views_[i], view);
        if (view.score < was.score)
            begin(i, config::Trigger::degraded, "", "",
                  {{"reason", "the health of the group on this node has fallen"},
                   {"text", std::to_string(view.score) + " of " + std::to_string(ha::score_max)}});
        const ha::Role before = std::exchange(roles_[i], view.role);
        if (before == view.role)
            continue;
        const std::string& group = config_->groups[i].name;
        const std::string role{ha::to_string(view.role)};
        if (const auto found = desks_.find(group); found != desks_.end()) {
            found->second.runner.on_role(now(), role);
            pump(group);
        }
        begin(i, config::Trigger::role_change, "", role,
              {{"role_before", std::string{ha::to_string(before)}},
               {"reason", std::string{ha::to_sentence(view.reason)}}});
    }
}

void ActionDesk::on_check(const std::string& group_name, const std::string& check, config::Trigger verdict,
                          const std::string& reason) {
    if (const auto group = group_index(group_name))
        begin(*group, verdict, check, "", {{"check", check}, {"reason", reason}});
}

void ActionDesk::on_alarm(const Condition& condition, bool raised) {
    const auto trigger = raised ? config::Trigger::alarm_raised : config::Trigger::alarm_cleared;
    for (std::size_t i = 0; i < config_->groups.size(); ++i)
        if (condition.group.empty() || condition.group == config_->groups[i].name)
            begin(i, trigger, "", "",
                  {{"alarm", condition.code},
                   {"reason", condition.sentence},
                   {"text", condition.subject},
                   {"severity", std::string{ledger::to_string(condition.gravity)}}});
}

act::Variables ActionDesk::variables(std::size_t group, const config::ActionList& list) const {
    const config::Group& settings = config_->groups[group];
    const std::string role{ha::to_string(roles_[group])};
    return {{"group", settings.name},
            {"node", config_->node.name},
            {"pair", config_->pair.id},
            {"peer", peer_.name()},
            {"role", role},
            {"role_before", role},
            {"epoch", std::to_string(views_[group].epoch)},
            {"time", time_now()},
            {"check", list.check},
            {"list", list.name},
            {"trigger", std::string{config::to_string(list.trigger)}},
            {"vip", settings.vips.empty() ? "" : settings.vips.front().address.to_string()}};
}

/// Every list that hangs on this.
void ActionDesk::begin(std::size_t group, config::Trigger trigger, std::string_view check,
                       const std::string& role, const act::Variables& more) {
    if (stopped_)
        return;
    std::vector<std::size_t> lists;
    const auto add = [&](std::string_view subject) {
        const auto hook = hooks_.find({group, trigger, std::string{subject}});
        if (hook != hooks_.end())
            lists.insert(lists.end(), hook->second.begin(), hook->second.end());
    };
    add("");
    if (!check.empty())
        add(check);
    std::ranges::sort(lists);
    const auto config = config_;
    for (const std::size_t i : lists) {
        const config::ActionList& list = config->actions.lists[i];
        act::Variables all = variables(group, list);
        for (const auto& [name, value] : more)
            all[name] = value;
        submit(group, list, std::move(all), role, act::Run::Limit::yes, nullptr);
    }
}

/// A filter that speaks of something that is not known here (a list that an operator runs) lets pass.
bool ActionDesk::matches(const config::ActionSettings& action, const act::Variables& values) const {
    const auto fits = [&](const std::string& wanted, std::string_view name) {
        const auto found = values.find(name);
        return wanted.empty() || found == values.end() || found->second.empty() || found->second == wanted;
    };
    return fits(action.role, "role") && fits(action.check, "check") && fits(action.alarm, "alarm");
}

act::RunId ActionDesk::submit(std::size_t group, const config::ActionList& list, act::Variables values,
                              const std::string& role, act::Run::Limit limit, Respond respond) {
    act::Run run;
    run.list = list.name;
    run.subject = values["check"] + "\n" + values["alarm"] + "\n" + values["text"];
    run.role = role;
    run.limited = limit;
    for (std::size_t i = 0; i < list.actions.size(); ++i)
        if (matches(list.actions[i], values))
            run.steps.push_back({i, list.actions[i].timeout, to_act(list.actions[i].on_error)});
    run.variables = std::move(values);
    if (run.steps.empty() && limit == act::Run::Limit::yes)
        return 0; // nothing of it is meant
    Desk& desk = desk_of(group);
    // Known before the runner speaks of it: it counts from one.
    const act::RunId id = desk.runner.submit(now(), std::move(run));
    desk.runs[id] = {std::make_shared<const config::ActionList>(list), 0, {}, {}, std::move(respond)};
    // Not from within: what asks for a run may be about to end.
    asio::post(io_, [this, alive = std::weak_ptr{alive_}, name = config_->groups[group].name] {
        if (alive.lock())
            pump(name);
    });
    return id;
}

ActionDesk::Desk& ActionDesk::desk_of(std::size_t group) {
    const std::string& name = config_->groups[group].name;
    const auto found = desks_.find(name);
    if (found != desks_.end())
        return found->second;
    return desks_.emplace(name, Desk{runner_settings()}).first->second;
}

act::Runner::Settings ActionDesk::runner_settings() const {
    act::Runner::Settings settings;
    settings.runs_max = config_->actions.runs_max;
    return settings;
}

// ---- what the runner says ----

void ActionDesk::pump(const std::string& group) {
    const auto found = desks_.find(group);
    if (found == desks_.end())
        return;
    while (const auto output = found->second.runner.next())
        carry_out(group, found->second, *output);
    arm();
}

void ActionDesk::arm() {
    ha::Instant first = ha::end_of_time;
    for (const auto& [group, desk] : desks_)
        first = std::min(first, desk.runner.deadline());
    timer_.cancel();
    if (first == ha::end_of_time)
        return;
    timer_.expires_after(std::max(first - now(), ha::Duration::zero()));
    timer_.async_wait([this](boost::system::error_code error) {
        if (error)
            return;
        for (auto& [group, desk] : desks_)
            desk.runner.tick(now());
        for (auto& [group, desk] : desks_)
            while (const auto output = desk.runner.next())
                carry_out(group, desk, *output);
        arm();
    });
}

void ActionDesk::carry_out(const std::string& group, Desk& desk, const act::Runner::Output& output) {
    const auto found = desk.runs.find(output.run.id);
    if (found == desk.runs.end())
        return;
    switch (output.kind) {
    case Kind::began:
        journal_.add(Severity::info, "action.list_began", group, "the list " + output.run.list + " begins",
                     {{"list", output.run.list},
                      {"trigger", config::to_string(found->second.list->trigger)},
                      {"actions", output.run.steps.size()}});
        return;
    case Kind::begin:
        return begin_step(group, desk, output);
    case Kind::cancel: {
        Running& running = found->second;
        if (running.hand != 0)
            hands_.cancel(running.hand);
        if (const auto remote = remote_.find(running.ticket); remote != remote_.end()) {
            peer_.ask("actions.stop", {{"ticket", running.ticket}}, [](const Outcome&) {});
            const auto done = std::move(remote->second.done);
            remote_.erase(remote);
            ActionResult result;
            result.result = act::StepResult::cancelled;
            result.detail = "the other node was told to end it";
            asio::post(io_, [done, result] { done(result); });
        }
        return;
    }
    case Kind::step: {
        const auto result = results_.extract({group, output.run.id});
        return tell_step(group, found->second, output, result.empty() ? nullptr : &result.mapped());
    }
    case Kind::ended:
        return tell_end(group, desk, output);
    }
}

void ActionDesk::begin_step(const std::string& group, Desk& desk, const act::Runner::Output& output) {
    Running& running = desk.runs.at(output.run.id);
    const config::ActionSettings& action = running.list->actions[output.run.steps[output.step].action];
    const auto index = group_index(group);
    running.hand = 0;
    running.ticket.clear();
    auto done = [this, alive = std::weak_ptr{alive_}, group, run = output.run.id,
                 step = output.step](ActionResult result) {
        if (!alive.lock())
            return;
        const auto still = desks_.find(group);
        if (still == desks_.end())
            return;
        const act::StepResult how = result.result;
        results_[{group, run}] = std::move(result);
        still->second.runner.finished(now(), run, step, how);
        pump(group);
        results_.erase({group, run});
    };
    if (!index) {
        ActionResult gone;
        gone.detail = "the group is not configured any more";
        return asio::post(io_, [done, gone] { done(gone); });
    }
    if (action.run_on.where == config::RunOn::Where::local) {
        running.hand = hands_.perform(action, *index, output.run.variables, std::move(done));
    } else if (action.run_on.where == config::RunOn::Where::url) {
        perform_on_url(action, group, output.run.variables, std::move(done), running.hand);
    } else {
        json::object values;
        for (const auto& [name, value] : output.run.variables)
            values[name] = value;
        running.ticket = new_ticket();
        ask_remote(running.ticket,
                   {{"fields", action.fields},
                    {"group", group},
                    {"variables", std::move(values)},
                    {"timeout_ms", action.timeout.count()}},
                   std::move(done));
    }
}

void ActionDesk::tell_step(const std::string& group, Running& running, const act::Runner::Output& output,
                           const ActionResult* result) {
    const config::ActionSettings& action = running.list->actions[output.run.steps[output.step].action];
    ActionResult known = result != nullptr ? *result : ActionResult{};
    if (result == nullptr) {
        known.took = std::chrono::duration_cast<std::chrono::microseconds>(action.timeout);
        known.detail = "it does not end, and is left behind";
    }
    known.result = output.result; // the runner knows why it ended
    json::object data = to_json(known);
    data["list"] = output.run.list;
    data["position"] = action.position;
    data["type"] = action.type;
    if (action.run_on.where != config::RunOn::Where::local)
        data["run_on"] = action.run_on.where == config::RunOn::Where::peer ? "peer" : action.run_on.url;
    const bool good = output.result == act::StepResult::done;
    std::string text = output.run.list + ", position " + std::to_string(action.position) + ", " +
                       action.type + ": " + std::string{act::to_string(output.result)};
    if (!known.detail.empty())
        text += ": " + known.detail;
    running.steps.push_back(data);
    journal_.add(good ? Severity::info : Severity::warning, good ? "action.done" : "action.failed", group,
                 std::move(text), std::move(data));
}

void ActionDesk::tell_end(const std::string& group, Desk& desk, const act::Runner::Output& output) {
    Running running = std::move(desk.runs.extract(output.run.id).mapped());
    const bool begun = output.end != act::RunEnd::folded && output.end != act::RunEnd::full &&
                       output.end != act::RunEnd::limited;
    Last& last = last_[output.run.list];
    last.end = act::to_string(output.end);
    last.time = time_now();
    if (begun) {
        ++last.runs;
        last.steps = running.steps;
    }
    const bool refused = output.end == act::RunEnd::full || output.end == act::RunEnd::limited;
    const bool told = refused && last.refused != ha::Instant{} && now() < last.refused + refusals_apart;
    if (refused && !told)
        last.refused = now();
    if (output.end != act::RunEnd::folded && !told)
        journal_.add(output.end == act::RunEnd::done ? Severity::info : Severity::warning,
                     name_of(output.end), group,
                     "the list " + output.run.list + " " + sentence_of(output.end),
                     {{"list", output.run.list}, {"end", act::to_string(output.end)}});
    if (running.respond)
        running.respond(
            Outcome::success({{"list", output.run.list},
                              {"node", config_->node.name},
                              {"end", act::to_string(output.end)},
                              {"detail", "the list " + output.run.list + " " + sentence_of(output.end)},
                              {"steps", std::move(running.steps)}}));
}

} // namespace tandem::app
