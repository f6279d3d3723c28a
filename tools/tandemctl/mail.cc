// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/layout.hh"
#include "control/status/reader.hh"
#include "tools/tandemctl/cells.hh"
#include "tools/tandemctl/escape.hh"
#include "tools/tandemctl/output.hh"
#include "tools/tandemctl/verbs.hh"

#include <boost/json/array.hpp>

#include <chrono>

namespace tandem::ctl {
namespace {

namespace json = boost::json;
using status::look;
using status::text_of;

constexpr auto patience = std::chrono::milliseconds{5000};
constexpr double second_ms = 1000;
constexpr std::size_t subject_width = 50;

std::string recipients_of(const json::value& letter) {
    const auto& to = status::array_of(look(letter, {"to"}));
    if (to.empty())
        return "-";
    const std::uint64_t all = status::count_of(look(letter, {"recipients"})).value_or(to.size());
    return text_of(to.front()) + (all > 1 ? " and " + std::to_string(all - 1) + " more" : "");
}

} // namespace

Exit show_mail(api::Client& client, const Options& options) {
    const auto answer = client.call("mail", {}, patience);
    if (!answer)
        return refuse(options.form, answer.error());
    if (options.form == Form::json) {
        print_json(*answer);
        return Exit::done;
    }
    const auto& letters = status::array_of(look(*answer, {"letters"}));
    const std::string server = text_of(look(*answer, {"server"}));
    if (letters.empty()) {
        print("no letter waits; server " + server + "\n");
        return Exit::done;
    }
    status::Columns columns{""};
    columns.row({"ID", "TO", "SUBJECT", "AGE", "TRIES", "NEXT TRY"});
    std::string remarks;
    for (const auto& letter : letters) {
        const std::string id = text_of(look(letter, {"id"}));
        columns.row({id, recipients_of(letter), shown(text_of(look(letter, {"subject"})), subject_width),
                     duration_cell(letter, "age_s", second_ms), count_cell(letter, "tries"),
                     status::is_true(look(letter, {"on_its_way"}))
                         ? "now"
                         : duration_cell(letter, "next_try_s", second_ms)});
        if (const std::string trouble = text_of(look(letter, {"trouble"})); !trouble.empty())
            remarks += id + ": " + trouble + "\n";
    }
    const auto waiting = status::count_of(look(*answer, {"waiting"})).value_or(letters.size());
    if (waiting > letters.size())
        remarks += "and " + std::to_string(waiting - letters.size()) + " more\n";
    print(columns.text() + remarks);
    return Exit::done;
}

Exit change_mail(api::Client& client, const Options& options) {
    json::object params;
    if (options.verb != Verb::mail_test)
        params["id"] = options.letter;
    else if (!options.address.empty())
        params["to"] = options.address;
    return ask(client, options, std::move(params), patience);
}

} // namespace tandem::ctl
