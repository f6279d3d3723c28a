// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/routes.hh"

#include <algorithm>

namespace tandem::https {
namespace {

using config::ApiScope;

const Parameter group{"group", Kind::text, Need::optional,
                      "The group; may be left out when there is only one"};
const Parameter force{"force", Kind::flag, Need::optional,
                      "Do it even if calls or registrations may be lost"};
const Parameter dry_run{"dry_run", Kind::flag, Need::optional, "Only tell what would happen"};
const Parameter interface { "interface", Kind::text, Need::required, "The name of the network interface" };
const Parameter address{"address", Kind::text, Need::required,
                        "The address, with a prefix length (10.0.0.10/24) unless that is given beside it"};
const Parameter prefix{"prefix", Kind::count, Need::optional, "The length of the network's prefix"};
const Parameter user{"user", Kind::text, Need::optional, "Whom it runs as; otherwise the configured user"};
const Parameter mask{"mask", Kind::text, Need::optional, "The mask of an IPv4 address (255.255.255.0)"};

Route read(std::string_view path, std::string_view method, std::string_view summary,
           std::vector<Parameter> query = {}) {
    return {Verb::get, path, ApiScope::read, method, summary, std::move(query), {}, {}, Own::none};
}

Route act(std::string_view path, std::string_view method, std::string_view summary,
          std::vector<Parameter> body = {}) {
    return {Verb::post, path, ApiScope::act, method, summary, {}, std::move(body), {}, Own::none};
}

Route own(std::string_view path, Own what, std::string_view summary) {
    return {Verb::get, path, ApiScope::read, {}, summary, {}, {}, {}, what};
}

/// An action of `type`, which the path ends with.
Route action(std::string_view path, std::string_view summary, std::vector<Parameter> fields) {
    fields.push_back(group);
    fields.push_back({"timeout_ms", Kind::count, Need::optional, "How long it may take"});
    Route route = act(path, "actions.perform", summary, std::move(fields));
    route.type = path.substr(path.rfind('/') + 1);
    return route;
}

void add_actions(std::vector<Route>& out) {
    const auto text = [](std::string_view name, Need need, std::string_view says) {
        return Parameter{name, Kind::text, need, says};
    };
    using enum Need;
    out.push_back(act("/v1/actions/run/{list}", "actions.run", "Run a list of actions of the configuration",
                      {dry_run}));
    out.push_back(
        action("/v1/actions/email", "Send a mail",
               {{"to", Kind::texts, optional, "The receivers; otherwise those of the configuration"},
                text("from", optional, "The sender; otherwise that of the configuration"),
                text("subject", optional, "The subject, with variables"),
                text("body", optional, "The text, with variables")}));
    out.push_back(action("/v1/actions/become-primary", "Take the group over", {}));
    out.push_back(
        action("/v1/actions/add-ip", "Add an address to an interface", {interface, address, prefix, mask}));
    out.push_back(action("/v1/actions/delete-ip", "Remove an address from an interface",
                         {interface, address, prefix, mask}));
    out.push_back(
        action("/v1/actions/command", "Run a program, without a shell",
               {{"argv", Kind::texts, required, "The program's absolute path, and its arguments"}, user}));
    out.push_back(action("/v1/actions/script", "Run a script",
                         {text("script", optional, "The script itself"),
                          text("file", optional, "A script on the node, instead of the text"),
                          {"arguments", Kind::texts, optional, "Its arguments"},
                          user}));
    out.push_back(action("/v1/actions/management", "Have tandemctl do something",
                         {text("command", required, "A command of tandemctl"),
                          text("target", optional, "A group"),
                          {"parameters", Kind::table, optional, "The command's parameters"},
                          text("text", optional, "The parameter \"text\"")}));
    out.push_back(action("/v1/actions/announce", "Announce the group's addresses again", {}));
    out.push_back(action("/v1/actions/mirror", "Switch the group's mirror",
                         {text("set", required, "\"on\" or \"off\"")}));
    out.push_back(action("/v1/actions/drain", "Wait until the group's calls have ended",
                         {{"calls_max", Kind::count, optional, "So many calls may be left"}}));
    out.push_back(action("/v1/actions/webhook", "Tell a web server",
                         {text("url", required, "Where"),
                          {"headers", Kind::texts, optional, "Header fields, each \"Name: value\""},
                          text("body", optional, "What, with variables; otherwise all variables"),
                          text("token_file", optional, "A file on the node with the bearer token"),
                          text("ca_file", optional, "A file on the node with the authorities")}));
    out.push_back(action("/v1/actions/wait", "Wait",
                         {{"wait_ms", Kind::count, required, "How long, in milliseconds"}}));
}

std::vector<Route> make_routes() {
    std::vector<Route> out;
    out.push_back(read("/v1/status", "status", "Both nodes' view of the pair"));
    out.push_back(
        read("/v1/events", "events", "What happened, oldest first",
             {{"since", Kind::count, Need::optional, "Only events after this sequence number"},
              {"group", Kind::text, Need::optional, "Only events of this group, where the node can tell"}}));
    out.push_back(read(
        "/v1/checks", "checks", "What the checks have found",
        {{"group", Kind::text, Need::optional, "Only those of this group"},
         {"from", Kind::count, Need::optional, "From which one on, where one answer had no room for all"}}));
    out.push_back(read("/v1/alarms", "alarms", "What is wrong at present"));
    out.push_back(read(
        "/v1/alarms/history", "alarms.history", "Alarms that are over, newest last",
        {{"since", Kind::text, Need::optional, "Only those cleared since a time (2h, 2026-11-22T16:00Z)"},
         {"group", Kind::text, Need::optional, "Only those of this group"},
         {"severity", Kind::text, Need::optional, "At least warning, minor, major or critical"},
         {"limit", Kind::count, Need::optional, "At most so many, the newest; 1000 without it"}}));
    out.push_back(read("/v1/actions", "actions", "The lists of actions, and what runs"));
    out.push_back(own("/v1/openapi.json", Own::openapi, "This document"));
    out.push_back(own("/v1/api", Own::counters, "What tandem-api itself has counted"));
    out.push_back(
        act("/v1/groups/{group}/failover", "failover", "Hand the group over to the standby", {force}));
    out.push_back(
        act("/v1/groups/{group}/failback", "failback", "Hand the group back to its primary", {force}));
    out.push_back(act("/v1/groups/{group}/enable", "enable", "Let this node take part in the group again"));
    out.push_back(act("/v1/groups/{group}/disable", "disable",
                      "Take this node out of the group, for maintenance", {force}));
    out.push_back(act("/v1/groups/{group}/role.follow", "role.follow",
                      "Make the present roles the configured ones, on both nodes"));
    out.push_back(act("/v1/groups/{group}/checks/{check}/start", "checks.start", "Let a check run"));
    out.push_back(act("/v1/groups/{group}/checks/{check}/stop", "checks.stop", "Stop a check"));
    out.push_back(act("/v1/alarms/{id}/acknowledge", "alarms.ack",
                      "Say that somebody takes care of an alarm, or of all",
                      {{"note", Kind::text, Need::optional, "What others should know about it"}}));
    out.push_back(
        act("/v1/alarms/{id}/clear", "alarms.clear", "Take an alarm away whose condition has ended"));
    add_actions(out);
    return out;
}

/// What each `{name}` stands for; nothing when the path is another.
std::optional<std::map<std::string, std::string>> match(std::string_view pattern,
                                                        const std::vector<std::string>& path) {
    std::map<std::string, std::string> segments;
    for (const std::string& part : path) {
        if (pattern.empty())
            return std::nullopt;
        pattern.remove_prefix(1); // the slash
        const auto end = std::min(pattern.find('/'), pattern.size());
        const std::string_view wanted = pattern.substr(0, end);
        if (wanted.starts_with('{'))
            segments.emplace(wanted.substr(1, wanted.size() - 2), part);
        else if (wanted != part)
            return std::nullopt;
        pattern.remove_prefix(end);
    }
    if (!pattern.empty())
        return std::nullopt;
    return segments;
}

} // namespace

std::string_view to_string(Verb verb) {
    return verb == Verb::get ? "GET" : "POST";
}

std::span<const Route> routes() {
    static const std::vector<Route> all = make_routes();
    return all;
}

std::optional<Found> find_route(std::string_view verb, const Target& target, std::string& allowed) {
    allowed.clear();
    for (const Route& route : routes()) {
        auto segments = match(route.path, target.path);
        if (!segments)
            continue;
        if (to_string(route.verb) == verb)
            return Found{&route, std::move(*segments)};
        allowed.append(allowed.empty() ? "" : ", ").append(to_string(route.verb));
    }
    return std::nullopt;
}

std::vector<unsigned> statuses_of(const Route& route) {
    std::vector<unsigned> out{200, 400, 401, 403, 408, 417, 429, 431, 505};
    if (!route.method.empty())
        out.insert(out.end(), {409, 501, 502, 503, 504});
    if (route.verb == Verb::post)
        out.insert(out.end(), {413, 415});
    std::ranges::sort(out);
    return out;
}

} // namespace tandem::https
