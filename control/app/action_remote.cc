// SPDX-License-Identifier: GPL-3.0-or-later

// What people, programs and the other node ask of the actions.

#include "control/app/action_desk.hh"
#include "control/app/clock.hh"
#include "control/config/action_schema.hh"
#include "control/config/document.hh"
#include "control/spawn/printable.hh"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
using namespace std::chrono_literals;
namespace {

constexpr std::size_t tasks_of_peer_max = 64;
constexpr unsigned answer_tries = 60;
constexpr std::size_t variables_max = 32;
/// Longer than any action may take.
constexpr ha::Duration remote_patience = std::chrono::hours{2};

std::string text_in(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

bool true_in(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

config::Value to_value(const json::value& value) {
    config::Value out;
    if (value.is_bool()) {
        out.data = value.get_bool();
    } else if (value.is_int64()) {
        out.data = std::int64_t{value.get_int64()};
    } else if (value.is_double()) {
        out.data = value.get_double();
    } else if (value.is_string()) {
        out.data = std::string{value.get_string()};
    } else if (value.is_array()) {
        config::Value::Array array;
        for (const json::value& each : value.get_array())
            array.push_back(to_value(each));
        out.data = std::move(array);
    } else if (value.is_object()) {
        out.data = to_table(value.get_object());
    }
    return out;
}

/// Names that are known, with a text each.
act::Variables variables_in(const json::object& params) {
    act::Variables out;
    const json::value* given = params.if_contains("variables");
    if (given == nullptr || !given->is_object())
        return out;
    for (const auto& [name, value] : given->get_object())
        if (out.size() < variables_max && value.is_string() &&
            std::ranges::find(act::variable_names(), std::string_view{name}) != act::variable_names().end())
            out[name] = act::clean_value(value.get_string());
    return out;
}

/// Puts our values in, so that the other node, which has values of its own, finds nothing more to put in.
void settle(json::value& value, const act::Variables& values, act::Escape escape) {
    if (value.is_string()) {
        std::string out;
        for (const char c : act::expand(std::string{value.get_string()}, values, escape))
            out.append(c == '$' ? 2 : 1, c);
        value = out;
    } else if (value.is_array()) {
        for (json::value& each : value.get_array())
            settle(each, values, escape);
    } else if (value.is_object()) {
        for (auto& [key, each] : value.get_object())
            settle(each, values, escape);
    }
}

ActionResult result_in(const json::object& answer) {
    ActionResult out;
    const std::string word = text_in(answer, "result");
    for (const auto result : {act::StepResult::done, act::StepResult::timed_out, act::StepResult::cancelled})
        if (word == act::to_string(result))
            out.result = result;
    out.detail = "on the other node: " + act::clean_value(text_in(answer, "detail"));
    out.output = spawn::printable(text_in(answer, "output"), 4096);
    out.output_cut = true_in(answer, "output_cut");
    return out;
}

} // namespace

config::Table to_table(const json::object& object) {
    config::Table out;
    for (const auto& [key, value] : object)
        out.push_back({std::string{key}, {}, to_value(value)});
    return out;
}

std::optional<std::size_t> ActionDesk::group_index(std::string_view name) const {
    for (std::size_t i = 0; i < config_->groups.size(); ++i)
        if (config_->groups[i].name == name)
            return i;
    return std::nullopt;
}

const config::ActionList* ActionDesk::find(std::string_view name) const {
    const auto& lists = config_->actions.lists;
    const auto found = std::ranges::find(lists, name, &config::ActionList::name);
    return found == lists.end() ? nullptr : &*found;
}

std::string ActionDesk::new_ticket() {
    return ticket_stem_ + std::to_string(next_ticket_++);
}

// ---- the methods ----

json::object ActionDesk::list(std::string_view name) const {
    json::array lists;
    for (const config::ActionList& list : config_->actions.lists) {
        if (!name.empty() && list.name != name)
            continue;
        const act::Variables values = variables(list.group, list);
        json::array actions;
        for (const config::ActionSettings& action : list.actions) {
            json::object one{{"position", action.position},
                             {"type", action.type},
                             {"what", hands_.describe(action, list.group, values)},
                             {"timeout_ms", action.timeout.count()},
                             {"on_error", action.on_error == config::OnError::stop ? "stop" : "continue"}};
            one["run_on"] = action.run_on.where == config::RunOn::Where::local  ? "local"
                            : action.run_on.where == config::RunOn::Where::peer ? "peer"
                                                                                : action.run_on.url;
            for (const auto& [key, value] : {std::pair{"only_role", action.role},
                                             {"only_check", action.check},
                                             {"only_alarm", action.alarm}})
                if (!value.empty())
                    one[key] = value;
            actions.push_back(std::move(one));
        }
        json::object shown{{"list", list.name},
                           {"group", config_->groups[list.group].name},
                           {"on", config::to_string(list.trigger)},
                           {"actions", std::move(actions)}};
        if (!list.check.empty())
            shown["check"] = list.check;
        std::string state = "idle";
        if (const auto desk = desks_.find(config_->groups[list.group].name); desk != desks_.end()) {
            if (const act::Run* current = desk->second.runner.current();
                current && current->list == list.name)
                state = "running";
            else if (std::ranges::find(desk->second.runner.waiting(), list.name, &act::Run::list) !=
                     desk->second.runner.waiting().end())
                state = "waiting";
        }
        shown["state"] = state;
        if (const auto last = last_.find(list.name); last != last_.end())
            shown["last"] = json::object{{"end", last->second.end},
                                         {"time", last->second.time},
                                         {"runs", last->second.runs},
                                         {"steps", last->second.steps}};
        lists.push_back(std::move(shown));
    }
    return {{"lists", std::move(lists)}};
}

void ActionDesk::run(const json::object& params, Respond respond) {
    const std::string on = text_in(params, "on");
    if (on == "peer") {
        if (true_in(params, "dry_run"))
            return peer_.ask("actions.dry_run", {{"list", text_in(params, "list")}}, std::move(respond));
        return ask_remote(new_ticket(), {{"list", text_in(params, "list")}},
                          [respond](const ActionResult& result) {
                              json::error_code error;
                              json::value whole = json::parse(result.output, error);
                              if (!error && whole.is_object())
                                  return respond(Outcome::success(std::move(whole.get_object())));
                              respond(Outcome::refused(result.detail));
                          });
    }
    if (!on.empty() && on != "local")
        return respond(Outcome::refused("a list runs on \"local\" or \"peer\""));
    const config::ActionList* list = find(text_in(params, "list"));
    if (list == nullptr)
        return respond(Outcome::refused("there is no such list; see tandemctl actions"));
    if (true_in(params, "dry_run"))
        return dry_run(*list, respond);
    run_here(*list, std::move(respond));
}

void ActionDesk::run_here(const config::ActionList& list, Respond respond) {
    if (stopped_)
        return respond(Outcome::refused("this node is stopping"));
    act::Variables values = variables(list.group, list);
    values["reason"] = "an operator asked for it";
    submit(list.group, list, std::move(values), "", act::Run::Limit::no, std::move(respond));
}

void ActionDesk::dry_run(const config::ActionList& list, const Respond& respond) const {
    act::Variables values = variables(list.group, list);
    values["reason"] = "an operator asked for it";
    json::array steps;
    for (const config::ActionSettings& action : list.actions) {
        const bool meant = matches(action, values);
        json::object step{{"position", action.position},
                          {"type", action.type},
                          {"what", hands_.describe(action, list.group, values)},
                          {"timeout_ms", action.timeout.count()},
                          {"on_error", action.on_error == config::OnError::stop ? "stop" : "continue"},
                          {"would_run", meant}};
        step["run_on"] = action.run_on.where == config::RunOn::Where::local  ? "local"
                         : action.run_on.where == config::RunOn::Where::peer ? "peer"
                                                                             : action.run_on.url;
        steps.push_back(std::move(step));
    }
    respond(Outcome::success({{"list", list.name},
                              {"node", config_->node.name},
                              {"dry_run", true},
                              {"detail", "nothing was done"},
                              {"steps", std::move(steps)}}));
}

json::object ActionDesk::cancel(const json::object& params) {
    const std::string list = text_in(params, "list");
    std::size_t count = 0;
    for (auto& [group, desk] : desks_)
        count += desk.runner.cancel(now(), list);
    for (auto& [group, desk] : desks_)
        pump(group);
    return {{"cancelled", count},
            {"detail", count == 0 ? std::string{"nothing ran or waited"}
                                  : std::to_string(count) + (count == 1 ? " run" : " runs") + " cancelled"}};
}

void ActionDesk::perform(const json::object& params, Respond respond) {
    json::object fields = params;
    for (const char* ours : {"group", "variables", "dry_run"})
        fields.erase(ours);
    const auto action = config::parse_action(to_table(fields));
    if (!action)
        return respond(Outcome::refused(action.error()));
    const std::string named = text_in(params, "group");
    const auto group =
        named.empty() && config_->groups.size() == 1 ? std::optional<std::size_t>{0} : group_index(named);
    if (!group)
        return respond(Outcome::refused("'group' must be the name of a group"));
    config::ActionList none;
    none.group = *group;
    act::Variables values = variables(*group, none);
    for (auto& [name, value] : variables_in(params))
        values[name] = value;
    if (true_in(params, "dry_run"))
        return respond(
            Outcome::success({{"dry_run", true}, {"what", hands_.describe(*action, *group, values)}}));
    perform_with_time(*action, *group, values, new_ticket(), [respond](const ActionResult& result) {
        if (result.result == act::StepResult::done)
            return respond(Outcome::success(to_json(result)));
        respond(Outcome::refused(std::string{act::to_string(result.result)} + ": " + result.detail));
    });
}

/// An action that stands in no list here: its time is ours to watch.
void ActionDesk::perform_with_time(const config::ActionSettings& action, std::size_t group,
                                   const act::Variables& values, const std::string& key,
                                   ActionHands::Done done) {
    const auto timer = std::make_shared<boost::asio::steady_timer>(io_);
    const auto late = std::make_shared<bool>(false);
    const auto id =
        hands_.perform(action, group, values,
                       [this, alive = std::weak_ptr{alive_}, timer, late, key, type = action.type,
                        name = config_->groups[group].name, done = std::move(done)](ActionResult result) {
                           timer->cancel();
                           if (!alive.lock())
                               return;
                           for_peer_.erase(key);
                           if (*late)
                               result.result = act::StepResult::timed_out;
                           const bool good = result.result == act::StepResult::done;
                           json::object data = to_json(result);
                           data["type"] = type;
                           journal_.add(good ? Severity::info : Severity::warning,
                                        good ? "action.done" : "action.failed", name,
                                        type + ", asked for from elsewhere: " +
                                            std::string{act::to_string(result.result)} + ": " + result.detail,
                                        std::move(data));
                           done(std::move(result));
                       });
    for_peer_[key] = id;
    timer->expires_after(action.timeout);
    timer->async_wait(
        [this, alive = std::weak_ptr{alive_}, timer, late, id](boost::system::error_code error) {
            if (error || !alive.lock())
                return;
            *late = true;
            hands_.cancel(id);
        });
}

// ---- the other node ----

/// The answer comes as a request of the other node; until then `done` waits.
void ActionDesk::ask_remote(const std::string& ticket, json::object params, ActionHands::Done done) {
    remote_[ticket] = {std::move(done), now()};
    params["ticket"] = ticket;
    peer_.ask("actions.begin", std::move(params),
              [this, alive = std::weak_ptr{alive_}, ticket](const Outcome& said) {
                  if (said.code == 0 || !alive.lock())
                      return;
                  auto node = remote_.extract(ticket);
                  if (node.empty())
                      return;
                  ActionResult result;
                  result.detail = said.message;
                  node.mapped().done(std::move(result));
              });
}

/// A brain that begins anew knows nothing of what its predecessor was asked for; and nobody waits for ever.
void ActionDesk::give_up_remote(std::uint32_t peer_incarnation) {
    // While it is not known, it is as it was.
    const std::uint32_t before =
        std::exchange(peer_incarnation_, peer_incarnation != 0 ? peer_incarnation : peer_incarnation_);
    const bool anew = before != 0 && before != peer_incarnation_;
    std::vector<ActionHands::Done> given_up;
    std::erase_if(remote_, [&](auto& entry) {
        if (!anew && now() < entry.second.began + remote_patience)
            return false;
        given_up.push_back(std::move(entry.second.done));
        return true;
    });
    for (const auto& done : given_up) {
        ActionResult result;
        result.detail =
            anew ? "the other node's tandemd has begun anew meanwhile" : "the other node does not answer";
        done(result);
    }
}

bool ActionDesk::on_peer_request(const std::string& method, const json::object& params,
                                 const Respond& respond) {
    if (method == "actions.begin") {
        begin_for_peer(params, respond);
    } else if (method == "actions.dry_run") {
        const config::ActionList* list = find(text_in(params, "list"));
        if (list == nullptr)
            respond(Outcome::refused("the other node has no such list"));
        else
            dry_run(*list, respond);
    } else if (method == "actions.stop") {
        if (const auto found = for_peer_.find(text_in(params, "ticket")); found != for_peer_.end())
            hands_.cancel(found->second);
        respond(Outcome::success({}));
    } else if (method == "actions.ended") {
        auto node = remote_.extract(text_in(params, "ticket"));
        if (!node.empty()) {
            ActionResult result = result_in(params);
            if (const json::value* whole = params.if_contains("run"); whole != nullptr)
                result.output = json::serialize(*whole);
            result.took = std::chrono::duration_cast<std::chrono::microseconds>(now() - node.mapped().began);
            node.mapped().done(std::move(result));
        }
        respond(Outcome::success({}));
    } else {
        return false;
    }
    return true;
}

void ActionDesk::begin_for_peer(const json::object& params, const Respond& respond) {
    const std::string ticket = text_in(params, "ticket");
    if (ticket.empty() || ticket.size() > 64 || stopped_ || for_peer_.size() >= tasks_of_peer_max)
        return respond(Outcome::refused("the other node does nothing more at present"));
    if (params.contains("list")) {
        const config::ActionList* list = find(text_in(params, "list"));
        if (list == nullptr)
            return respond(Outcome::refused("the other node has no such list"));
        respond(Outcome::success({}));
        return run_here(*list, [this, alive = std::weak_ptr{alive_}, ticket](const Outcome& outcome) {
            if (alive.lock())
                answer_remote(ticket, {{"detail", outcome.message}, {"run", outcome.result}}, answer_tries);
        });
    }
    json::error_code error;
    const json::value fields = json::parse(text_in(params, "fields"), error);
    const auto group = group_index(text_in(params, "group"));
    if (error || !fields.is_object() || !group)
        return respond(Outcome::refused("the other node does not know this group or action"));
    auto action = config::parse_action(to_table(fields.get_object()));
    if (!action)
        return respond(Outcome::refused("the other node refuses: " + action.error()));
    respond(Outcome::success({}));
    perform_with_time(
        *action, *group, variables_in(params), ticket,
        [this, ticket](const ActionResult& result) { answer_remote(ticket, to_json(result), answer_tries); });
}

/// Again until the other node has heard it, or does not want to know any more.
void ActionDesk::answer_remote(const std::string& ticket, json::object answer, unsigned tries) {
    answer["ticket"] = ticket;
    const auto again = [this, alive = std::weak_ptr{alive_}, ticket, answer, tries](const Outcome& said) {
        if (said.code == 0 || tries == 0 || !alive.lock() || stopped_)
            return;
        const auto timer = std::make_shared<boost::asio::steady_timer>(io_, 1s);
        timer->async_wait([this, alive, timer, ticket, answer, tries](boost::system::error_code error) {
            if (!error && alive.lock())
                answer_remote(ticket, answer, tries - 1);
        });
    };
    peer_.ask("actions.ended", std::move(answer), again);
}

/// Another pair's HTTPS face, or one that is reached by another way than the HA paths.
void ActionDesk::perform_on_url(const config::ActionSettings& action, const std::string& group,
                                const act::Variables& values, ActionHands::Done done, ActionHands::Id& id) {
    json::error_code error;
    json::value body = json::parse(action.fields, error);
    if (error || !body.is_object())
        body = json::object{};
    body.get_object().erase("type");
    for (const char* key : {"argv", "arguments", "subject", "body", "text", "parameters"})
        if (json::value* text = body.get_object().if_contains(key))
            settle(*text, values, action.type == "webhook" ? act::Escape::json : act::Escape::none);
    body.get_object()["group"] = group;
    courier::HttpRequest request;
    request.url = action.run_on.url + "/v1/actions/" + action.type;
    request.headers = {"Content-Type: application/json"};
    request.body = json::serialize(body);
    request.tls.ca_file = action.run_on.ca_file;
    request.tls.certificate_file = action.run_on.certificate_file;
    request.tls.key_file = action.run_on.key_file;
    request.timeout = action.timeout;
    id = hands_.open(std::move(done));
    hands_.post_request(std::move(request), action.run_on.token_file, id);
}

} // namespace tandem::app
