// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/layout.hh"
#include "control/status/reader.hh"
#include "tools/tandemctl/cells.hh"
#include "tools/tandemctl/output.hh"
#include "tools/tandemctl/verbs.hh"

#include <boost/json/array.hpp>

#include <chrono>

namespace tandem::ctl {
namespace {

namespace json = boost::json;
using status::look;
using status::text_of;

constexpr auto patience = std::chrono::milliseconds{10'000};

std::string state_text(const json::value& alarm) {
    std::string text = text_cell(alarm, "state");
    if (text == "ended")
        text = "ended, not cleared";
    if (status::is_true(look(alarm, {"flapping"})))
        text += ", comes and goes";
    if (status::is_true(look(alarm, {"last_known"})))
        text += " (last known)";
    return text;
}

std::string acknowledged_text(const json::value& alarm) {
    const auto& known = look(alarm, {"acknowledged"});
    if (!known.is_object())
        return "-";
    const std::string note = text_of(look(known, {"note"}));
    return text_of(look(known, {"by"})) + (note.empty() ? "" : ": " + note);
}

std::string peer_text(const json::value& peer) {
    if (status::is_true(look(peer, {"current"})))
        return {};
    const std::string name = text_of(look(peer, {"node"}));
    const auto age = status::number_of(look(peer, {"age_ms"}));
    if (name.empty() || !age)
        return "The peer has told no alarms yet: only this node's are shown.\n";
    return "Node " + name + " is not heard: its alarms are the last known, of " +
           status::duration_text(*age) + " ago.\n";
}

} // namespace

Exit show_alarms(api::Client& client, const Options& options) {
    const auto answer = client.call("alarms", {}, patience);
    if (!answer)
        return refuse(options.form, answer.error());
    if (options.form == Form::json) {
        print_json(*answer);
        return Exit::done;
    }
    status::Columns columns{""};
    columns.row(
        {"ID", "NODE", "SEVERITY", "CODE", "GROUP", "STATE", "FIRST", "COUNT", "ACKNOWLEDGED", "WHAT"});
    const auto& alarms = status::array_of(look(*answer, {"alarms"}));
    for (const auto& alarm : alarms) {
        columns.row({text_cell(alarm, "id"), text_cell(alarm, "node"), text_cell(alarm, "severity"),
                     text_cell(alarm, "code"), text_cell(alarm, "group"), state_text(alarm),
                     text_cell(alarm, "first"), count_cell(alarm, "count"), acknowledged_text(alarm),
                     text_of(look(alarm, {"sentence"}))});
    }
    print((alarms.empty() ? "no alarms\n" : columns.text()) + peer_text(look(*answer, {"peer"})));
    return Exit::done;
}

Exit show_alarm_history(api::Client& client, const Options& options) {
    json::object params{{"limit", options.limit}};
    if (!options.since.empty())
        params["since"] = options.since;
    if (options.group)
        params["group"] = *options.group;
    if (!options.severity.empty())
        params["severity"] = options.severity;
    const auto answer = client.call("alarms.history", std::move(params), patience);
    if (!answer)
        return refuse(options.form, answer.error());
    if (options.form == Form::json) {
        print_json(*answer);
        return Exit::done;
    }
    status::Columns columns{""};
    columns.row({"ID", "NODE", "SEVERITY", "CODE", "GROUP", "RAISED", "HELD", "CLEARED", "BY", "COUNT",
                 "ACKNOWLEDGED", "WHAT"});
    const auto& alarms = status::array_of(look(*answer, {"alarms"}));
    for (const auto& alarm : alarms) {
        const std::string by = text_of(look(alarm, {"cleared_by"}));
        columns.row({text_cell(alarm, "id"), text_cell(alarm, "node"), text_cell(alarm, "severity"),
                     text_cell(alarm, "code"), text_cell(alarm, "group"), text_cell(alarm, "raised"),
                     duration_cell(alarm, "held_ms"), text_cell(alarm, "cleared"), by.empty() ? "itself" : by,
                     count_cell(alarm, "count"), acknowledged_text(alarm),
                     text_of(look(alarm, {"sentence"}))});
    }
    const bool more = status::is_true(look(*answer, {"more"}));
    print((more ? "There are older ones: see --since and --limit.\n" : "") +
          (alarms.empty() ? "no alarm is over\n" : columns.text()));
    return Exit::done;
}

Exit treat_alarm(api::Client& client, const Options& options) {
    json::object params{{"id", options.alarm}};
    if (!options.note.empty())
        params["note"] = options.note;
    return ask(client, options, std::move(params), patience);
}

} // namespace tandem::ctl
