// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/layout.hh"
#include "control/status/reader.hh"
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

std::string or_dash(std::string text) {
    return text.empty() ? "-" : std::move(text);
}

std::string state_text(const json::value& alarm) {
    std::string text = text_of(look(alarm, {"state"}));
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
        const auto count = status::count_of(look(alarm, {"count"}));
        columns.row({or_dash(text_of(look(alarm, {"id"}))), or_dash(text_of(look(alarm, {"node"}))),
                     or_dash(text_of(look(alarm, {"severity"}))), or_dash(text_of(look(alarm, {"code"}))),
                     or_dash(text_of(look(alarm, {"group"}))), or_dash(state_text(alarm)),
                     or_dash(text_of(look(alarm, {"first"}))), count ? std::to_string(*count) : "-",
                     acknowledged_text(alarm), text_of(look(alarm, {"sentence"}))});
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
        const auto count = status::count_of(look(alarm, {"count"}));
        const auto held = status::number_of(look(alarm, {"held_ms"}));
        const std::string by = text_of(look(alarm, {"cleared_by"}));
        columns.row({or_dash(text_of(look(alarm, {"id"}))), or_dash(text_of(look(alarm, {"node"}))),
                     or_dash(text_of(look(alarm, {"severity"}))), or_dash(text_of(look(alarm, {"code"}))),
                     or_dash(text_of(look(alarm, {"group"}))), or_dash(text_of(look(alarm, {"raised"}))),
                     held ? status::duration_text(*held) : "-", or_dash(text_of(look(alarm, {"cleared"}))),
                     by.empty() ? "itself" : by, count ? std::to_string(*count) : "-",
                     acknowledged_text(alarm), text_of(look(alarm, {"sentence"}))});
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
    const auto answer = client.call(method_of(options.verb), std::move(params), patience);
    if (!answer)
        return refuse(options.form, answer.error());
    if (options.form == Form::json)
        print_json(*answer);
    else
        print(text_of(look(*answer, {"detail"})) + "\n");
    return Exit::done;
}

} // namespace tandem::ctl
