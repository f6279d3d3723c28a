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
using status::number_of;
using status::text_of;

constexpr auto patience = std::chrono::milliseconds{5000};
/// A list may take as long as all its actions may.
constexpr auto patience_to_run = std::chrono::hours{2};

/// "position 2, command: done in 12.3 ms: exit status 0"
std::string step_text(const json::value& step) {
    std::string out = "  " + count_cell(step, "position") + " " + text_of(look(step, {"type"}));
    if (const std::string where = text_of(look(step, {"run_on"})); !where.empty() && where != "local")
        out += " on " + where;
    if (const std::string what = text_of(look(step, {"what"})); !what.empty()) {
        out += ": " + what;
        if (status::is_false(look(step, {"would_run"})))
            out += " (not now: it is for another role)";
        return out + "\n";
    }
    out += ": " + text_of(look(step, {"result"}));
    if (const auto took = number_of(look(step, {"took_ms"})))
        out += " in " + status::decimal_text(*took, 1) + " ms";
    if (const std::string detail = text_of(look(step, {"detail"})); !detail.empty())
        out += ": " + detail;
    if (const std::string output = text_of(look(step, {"output"})); !output.empty())
        out += "\n    " + output;
    return out + "\n";
}

std::string list_text(const json::value& list) {
    const std::string check = text_of(look(list, {"check"}));
    std::string out = text_of(look(list, {"list"})) + ": group " + text_of(look(list, {"group"})) +
                      (check.empty() ? "" : ", check " + check) + ", on " + text_of(look(list, {"on"})) +
                      "; " + text_of(look(list, {"state"}));
    if (const std::string end = text_of(look(list, {"last", "end"})); !end.empty())
        out += "; last " + end + " at " + text_of(look(list, {"last", "time"}));
    out += "\n";
    for (const auto& action : status::array_of(look(list, {"actions"})))
        out += step_text(action);
    return out;
}

} // namespace

Exit show_actions(api::Client& client, const Options& options) {
    json::object params;
    if (!options.list.empty())
        params["list"] = options.list;
    const auto answer = client.call("actions", std::move(params), patience);
    if (!answer)
        return refuse(options.form, answer.error());
    if (options.form == Form::json) {
        print_json(*answer);
        return Exit::done;
    }
    std::string out;
    for (const auto& list : status::array_of(look(*answer, {"lists"})))
        out += list_text(list);
    print(out.empty() ? "no actions: see [[group.action]] in the configuration\n" : out);
    return Exit::done;
}

Exit run_actions(api::Client& client, const Options& options) {
    json::object params{{"list", options.list}, {"dry_run", options.dry_run}};
    if (!options.on.empty())
        params["on"] = options.on;
    const auto answer = client.call("actions.run", std::move(params),
                                    std::chrono::duration_cast<std::chrono::milliseconds>(patience_to_run));
    if (!answer)
        return refuse(options.form, answer.error());
    const bool good = options.dry_run || text_of(look(*answer, {"end"})) == "done";
    if (options.form == Form::json) {
        print_json(*answer);
    } else {
        std::string out =
            "on " + text_of(look(*answer, {"node"})) + ": " + text_of(look(*answer, {"detail"})) + "\n";
        for (const auto& step : status::array_of(look(*answer, {"steps"})))
            out += step_text(step);
        print(out);
    }
    return good ? Exit::done : Exit::refused;
}

Exit cancel_actions(api::Client& client, const Options& options) {
    json::object params;
    if (!options.list.empty())
        params["list"] = options.list;
    return ask(client, options, std::move(params), patience);
}

} // namespace tandem::ctl
