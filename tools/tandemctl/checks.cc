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

std::string time_text(const json::value& check, std::string_view key) {
    const auto us = number_of(look(check, {"latency_us", key}));
    return us ? status::decimal_text(*us / 1000, 3) : "-";
}

/// A bound is not cut: 1200 ms are "1.2 s".
std::string bound_of(const json::value& check, std::string_view key) {
    const auto ms = number_of(look(check, {key}));
    if (!ms)
        return "-";
    return *ms < 1000 ? status::decimal_text(*ms, 0) + " ms" : status::decimal_text(*ms / 1000, 3) + " s";
}

json::object params_of(const Options& options) {
    json::object params;
    if (options.group)
        params["group"] = *options.group;
    return params;
}

} // namespace

Exit show_checks(api::Client& client, const Options& options) {
    status::Columns columns{""};
    columns.row({"CHECK", "GROUP", "METHOD", "TARGET", "STATE", "FOR", "ANSWERED", "DOWN", "LAST MS",
                 "MEDIAN", "P99", "FOUND WITHIN"});
    std::string remarks;
    json::array all;
    json::object params = params_of(options);
    for (;;) { // one answer has a bound
        const auto answer = client.call("checks", params, patience);
        if (!answer)
            return refuse(options.form, answer.error());
        for (const auto& check : status::array_of(look(*answer, {"checks"}))) {
            all.push_back(check);
            const std::string name = text_of(look(check, {"name"}));
            columns.row({name, text_of(look(check, {"group"})), text_of(look(check, {"method"})),
                         text_of(look(check, {"target"})), text_of(look(check, {"state"})),
                         duration_cell(check, "for_ms"),
                         count_cell(check, "answers") + " of " + count_cell(check, "asked"),
                         count_cell(check, "failures"), time_text(check, "last"), time_text(check, "median"),
                         time_text(check, "p99"), bound_of(check, "worst_case_ms")});
            if (const std::string detail = text_of(look(check, {"detail"})); !detail.empty())
                remarks += name + ": " + detail + "\n";
        }
        const auto next = status::count_of(look(*answer, {"next"}));
        if (!next)
            break;
        params["from"] = *next;
    }
    if (options.form == Form::json)
        print_json(json::object{{"checks", std::move(all)}});
    else if (all.empty())
        print("no checks: see [[group.check]] in the configuration\n");
    else
        print(columns.text() + remarks);
    return Exit::done;
}

Exit set_check(api::Client& client, const Options& options) {
    json::object params = params_of(options);
    params["check"] = options.check;
    return ask(client, options, std::move(params), patience);
}

} // namespace tandem::ctl
