// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/action_schema.hh"

#include "control/config/action_types.hh"
#include "control/config/values.hh"

#include <pwd.h>

#include <algorithm>
#include <array>

namespace tandem::config {
namespace {

constexpr std::size_t actions_max = 64; ///< of one group or check
constexpr std::size_t lists_max = 4096; ///< of a file
constexpr std::uint16_t script_position = 2;
constexpr Range timeout_range{1, 3'600'000};

constexpr std::array<std::string_view, 6> trigger_names{"down",        "up",           "degraded",
                                                        "role-change", "alarm-raised", "alarm-cleared"};

/// Lists have longer names than anything else: "group/check/trigger".
bool is_list_name(std::string_view text) {
    return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.' || c == '/';
    });
}

void read_run_on(Section& section, RunOn& out) {
    take_file_name(section, "run_on_token_file", file_name_length_max, out.token_file);
    take_file_name(section, "run_on_ca_file", file_name_length_max, out.ca_file);
    take_file_name(section, "run_on_certificate", file_name_length_max, out.certificate_file);
    take_file_name(section, "run_on_key", file_name_length_max, out.key_file);
    const auto found = section.text("run_on", Presence::optional);
    const bool has_proof = !out.token_file.empty() || !out.certificate_file.empty();
    if (found && found->value == "peer") {
        out.where = RunOn::Where::peer;
    } else if (found && found->value.starts_with("https://") && found->value.size() > 8 &&
               std::ranges::all_of(found->value, [](char c) { return c > ' ' && c <= '~'; })) {
        out.where = RunOn::Where::url;
        out.url = found->value;
        while (out.url.ends_with('/'))
            out.url.pop_back();
        if (!has_proof)
            section.complain(found->place, "\"run_on\" is another node, and nothing says who asks",
                             "add run_on_token_file, or run_on_certificate and run_on_key");
    } else if (found && found->value != "local") {
        section.complain(found->place, "\"run_on\" cannot be " + quoted(found->value),
                         "possible: \"local\", \"peer\", \"https://node.example.org:8443\"");
    }
    if (out.certificate_file.empty() != out.key_file.empty())
        section.complain(section.place(), "a certificate and its key belong together",
                         "write both of run_on_certificate and run_on_key");
}

/// Where an action belongs, besides what it is.
struct Belongs {
    Trigger trigger{};
    std::string list;
    Place position;
};

void read_filters(Section& section, ActionSettings& action, const std::string& check, Trigger trigger) {
    static const std::vector<std::string_view> roles{"standby", "active", "fault", "disabled", "init"};
    const bool about_checks = trigger == Trigger::down || trigger == Trigger::up;
    const bool about_alarms = trigger == Trigger::alarm_raised || trigger == Trigger::alarm_cleared;
    const auto only = [&](std::string_view key, bool fits, std::string_view when) {
        if (const auto place = section.place_of(key); place && !fits)
            section.complain(*place, "\"" + std::string{key} + "\" says nothing here",
                             "it belongs to actions " + std::string{when});
    };
    only("check", about_checks && check.empty(), "of a group on \"down\" or \"up\"");
    only("role", trigger == Trigger::role_change, "on \"role-change\"");
    only("alarm", about_alarms, "on \"alarm-raised\" or \"alarm-cleared\"");
    take_name(section, "check", Presence::optional, action.check);
    if (const auto role = section.word("role", roles, Presence::optional))
        action.role = roles[role->value];
    take_name(section, "alarm", Presence::optional, action.alarm);
}

std::optional<Belongs> read_belonging(Section& section, const std::string& group, const std::string& check,
                                      ActionSettings& action) {
    Belongs out;
    std::vector<std::string_view> triggers{trigger_names.begin(), trigger_names.end()};
    if (!check.empty())
        triggers.resize(2); // a check has no role, no health and no alarm of its own
    const auto on = section.word("on", triggers, Presence::required);
    if (on)
        out.trigger = static_cast<Trigger>(on->value);
    out.list = group + (check.empty() ? "" : "/" + check) + "/" + std::string{to_string(out.trigger)};
    if (const auto list = section.text("list", Presence::optional)) {
        if (is_list_name(list->value))
            out.list = list->value;
        else
            section.complain(list->place, quoted(list->value) + " cannot be the name of a list",
                             "use letters, digits, \"-\", \"_\", \".\" and \"/\", at most 100");
    }
    const bool script = std::holds_alternative<ScriptAction>(action.doing);
    out.position = section.place();
    action.position = script ? script_position : 0;
    take_integer(section, "position", {1, 65535}, action.position, &out.position,
                 script ? Presence::optional : Presence::required);
    if (const auto error = section.word("on_error", {"continue", "stop"}, Presence::optional))
        action.on_error = error->value == 1 ? OnError::stop : OnError::proceed;
    if (on)
        read_filters(section, action, check, out.trigger);
    return on ? std::optional{out} : std::nullopt;
}

/// Receivers of another node are that node's to know.
void check_receivers(Section& section, const ActionSettings& action, const Draft& draft) {
    const auto* trap = std::get_if<TrapAction>(&action.doing);
    if (trap == nullptr || action.run_on.where != RunOn::Where::local)
        return;
    const Place place = section.place_of("receivers").value_or(section.place());
    if (!draft.config.snmp)
        return section.complain(section.place(), "an action \"trap\", and nobody to notify",
                                "add [[snmp.receiver]] with name, address and community_file");
    std::string known;
    for (const SnmpReceiver& receiver : draft.config.snmp->receivers)
        known += (known.empty() ? "" : ", ") + receiver.name;
    for (const std::string& name : trap->receivers)
        if (std::ranges::find(draft.config.snmp->receivers, name, &SnmpReceiver::name) ==
            draft.config.snmp->receivers.end())
            section.complain(place, "there is no receiver " + quoted(name), "there are: " + known);
}

void add_to_list(Section& section, ActionSettings action, const Belongs& belongs, const std::string& check,
                 Draft& draft) {
    const std::size_t group = draft.config.groups.size();
    auto& lists = draft.config.actions.lists;
    auto list = std::ranges::find(lists, belongs.list, &ActionList::name);
    if (list == lists.end()) {
        if (lists.size() >= lists_max)
            return section.complain(section.place(), "there are too many lists of actions",
                                    "at most " + std::to_string(lists_max));
        list = lists.insert(lists.end(), {belongs.list, group, check, belongs.trigger, {}});
    } else if (list->group != group || list->check != check || list->trigger != belongs.trigger) {
        return section.complain(section.place(),
                                "the list \"" + belongs.list + "\" belongs to something else already",
                                "all actions of a list have the same group, check and \"on\"");
    }
    const auto same = std::ranges::find(list->actions, action.position, &ActionSettings::position);
    if (same != list->actions.end())
        return section.complain(belongs.position,
                                "position " + std::to_string(action.position) + " is taken in the list \"" +
                                    belongs.list + "\"",
                                "by an action of type " + same->type + "; give each its own");
    const auto behind =
        std::ranges::upper_bound(list->actions, action.position, {}, &ActionSettings::position);
    list->actions.insert(behind, std::move(action));
}

/// The type with its own keys, and the time.
std::optional<ActionSettings> read_what(Section& section) {
    ActionSettings action;
    const auto doing = read_doing(section, action.type);
    if (!doing)
        return std::nullopt;
    action.doing = *doing;
    action.timeout = usual_timeout(action.doing);
    take_time(section, "timeout_ms", timeout_range, action.timeout);
    return action;
}

/// Without what only says when, where and in which order.
Table without_place(const Table& table) {
    static constexpr std::array<std::string_view, 12> place{"on",
                                                            "list",
                                                            "position",
                                                            "on_error",
                                                            "run_on",
                                                            "run_on_token_file",
                                                            "run_on_ca_file",
                                                            "run_on_certificate",
                                                            "run_on_key",
                                                            "check",
                                                            "role",
                                                            "alarm"};
    Table out;
    for (const Entry& entry : table)
        if (std::ranges::find(place, entry.key) == place.end())
            out.push_back(entry);
    return out;
}

} // namespace

std::string_view to_string(Trigger trigger) {
    return trigger_names[static_cast<std::size_t>(trigger)];
}

void read_actions(Section section, Draft& draft) {
    Place user = section.place();
    take_name(section, "user", Presence::optional, draft.config.actions.user, &user);
    draft.places.actions_user = user;
    take_integer(section, "runs_per_minute", {1, 10'000}, draft.config.actions.runs_max);
    section.finish();
}

void take_actions(Section& section, const std::string& group, const std::string& check, Draft& draft,
                  Complaints& complaints) {
    const std::string title = check.empty() ? "[[group.action]]" : "[[group.check.action]]";
    for (const auto& table : section.tables("action", actions_max, Presence::optional)) {
        Section one{title, table.place, *table.value, complaints};
        auto action = read_what(one);
        if (!action)
            continue; // a wrong type: which keys it may have is not known
        read_run_on(one, action->run_on);
        const auto belongs = read_belonging(one, group, check, *action);
        one.finish();
        check_receivers(one, *action, draft);
        action->fields = json_of(without_place(*table.value));
        if (belongs)
            add_to_list(one, std::move(*action), *belongs, check, draft);
    }
}

std::expected<ActionSettings, std::string> parse_action(const Table& fields) {
    Complaints complaints{"action"};
    Section section{"the action", Place{}, fields, complaints};
    auto action = read_what(section);
    if (action)
        section.finish();
    const Problems problems = complaints.take();
    if (!problems.empty())
        return std::unexpected(problems.front().what + " (" + problems.front().hint + ")");
    if (!action)
        return std::unexpected("this is no action");
    action->fields = json_of(fields);
    return *action;
}

void check_actions_against_host(const Config& config, const Places& places, Complaints& complaints) {
    std::vector<std::string> seen;
    for (const ActionList& list : config.actions.lists) {
        for (const ActionSettings& action : list.actions) {
            const auto* command = std::get_if<CommandAction>(&action.doing);
            const auto* script = std::get_if<ScriptAction>(&action.doing);
            if (command == nullptr && script == nullptr)
                continue;
            const std::string& own = command != nullptr ? command->user : script->user;
            const std::string& user = own.empty() ? config.actions.user : own;
            if (std::ranges::find(seen, user) != seen.end())
                continue;
            seen.push_back(user);
            if (::getpwnam(user.c_str()) == nullptr)
                complaints.add(places.actions_user,
                               "programs of the list \"" + list.name + "\" are to run as " + quoted(user) +
                                   ", and this machine has no such user",
                               "systemd-sysusers makes tandem-action; otherwise adduser --system --group " +
                                   user + ", or another [actions] user");
        }
    }
}

} // namespace tandem::config
