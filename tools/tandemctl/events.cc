// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/query.hh"
#include "control/status/reader.hh"
#include "tools/tandemctl/output.hh"
#include "tools/tandemctl/verbs.hh"

#include <boost/json/array.hpp>

#include <charconv>
#include <chrono>
#include <map>
#include <utility>

namespace tandem::ctl {
namespace {

namespace json = boost::json;
using status::count_of;
using status::look;
using status::text_of;

constexpr auto patience = std::chrono::milliseconds{10'000};
/// As many as tandemd gives in one answer.
constexpr std::uint64_t answer_max = 1000;

std::string event_text(const json::value& event) {
    const auto seq = count_of(look(event, {"seq"}));
    const std::string node = text_of(look(event, {"node"}));
    std::string text = text_of(look(event, {"time"})) + "  " + node + "#" +
                       (seq ? std::to_string(*seq) : "-") + "  " + text_of(look(event, {"name"}));
    if (const auto group = text_of(look(event, {"group"})); !group.empty())
        text += "  [" + group + "]";
    return text + "  " + text_of(look(event, {"text"})) + "\n";
}

/// A follower gets every event; what was asked for is chosen here.
bool wanted(const Options& options, const json::value& event) {
    const auto severity = ledger::severity_of(text_of(look(event, {"severity"})));
    return (options.match.empty() || ledger::matches(options.match, text_of(look(event, {"name"})))) &&
           (!options.group || *options.group == text_of(look(event, {"group"}))) &&
           (options.node.empty() || options.node == text_of(look(event, {"node"}))) &&
           (options.severity.empty() || severity >= ledger::severity_of(options.severity));
}

json::object params_of(const Options& options) {
    json::object params;
    std::uint64_t number = 0;
    const char* const end = options.since.data() + options.since.size();
    const auto [stop, error] = std::from_chars(options.since.data(), end, number);
    const bool numbered = !options.since.empty() && error == std::errc{} && stop == end;
    // A number is one node's: this one's, unless another is named.
    if (!options.node.empty())
        params["node"] = options.node;
    else if (!numbered)
        params["node"] = "all";
    if (numbered)
        params["since"] = number;
    else if (!options.since.empty())
        params["since"] = options.since;
    if (options.group)
        params["group"] = *options.group;
    if (!options.match.empty())
        params["name"] = options.match;
    if (!options.severity.empty())
        params["severity"] = options.severity;
    return params;
}

/// Up to which number an event of each node was shown, by the life of its journal.
using Shown = std::map<std::pair<std::string, std::string>, std::uint64_t>;

/// Whether it is a new one.
bool note(Shown& shown, const json::value& event) {
    auto& last = shown[{text_of(look(event, {"node"})), text_of(look(event, {"life"}))}];
    const std::uint64_t number = count_of(look(event, {"seq"})).value_or(UINT64_MAX);
    if (number <= last)
        return false;
    last = number;
    return true;
}

/// All that happened, a part at a time, or the newest `limit`.
template <class Show>
std::expected<void, api::Error> read_events(api::Client& client, const Options& options, const Show& show) {
    json::object params = params_of(options);
    const bool last_ones = options.since.empty() && options.limit > 0 && options.limit <= answer_max;
    if (last_ones) {
        params["newest"] = true;
        params["limit"] = options.limit;
    }
    std::uint64_t count = 0;
    for (;;) {
        auto answer = client.call("events", params, patience);
        if (!answer)
            return std::unexpected(std::move(answer.error()));
        const auto& events = status::array_of(look(*answer, {"events"}));
        for (const auto& event : events) {
            if (options.limit > 0 && count == options.limit)
                return {};
            ++count;
            show(event);
            // A tandemd of an older version goes on by the number.
            if (!look(*answer, {"next"}).is_object())
                params["since"] = count_of(look(event, {"seq"})).value_or(0);
        }
        const auto& next = look(*answer, {"next"});
        if ((last_ones && next.is_object()) || events.empty() || !status::is_true(look(*answer, {"more"})))
            return {};
        if (next.is_object())
            params["after"] = next;
    }
}

} // namespace

Exit show_events(api::Client& client, const Options& options) {
    // Followed first and asked afterwards: nothing is missed in between, and what comes twice is known by its
    // number.
    const bool following = options.follow == Follow::yes;
    if (following)
        if (const auto asked = client.call("events.follow", {{"node", "all"}}, patience); !asked)
            return refuse(options.form, asked.error());
    Shown shown;
    json::array all;
    const auto show = [&](const json::value& event) {
        if (following && !note(shown, event))
            return;
        if (options.form == Form::text)
            print(event_text(event));
        else if (following)
            print_json(event);
        else
            all.push_back(event);
    };
    if (const auto read = read_events(client, options, show); !read)
        return refuse(options.form, read.error());
    if (!following) {
        if (options.form == Form::json)
            print_json(json::object{{"events", std::move(all)}});
        return Exit::done;
    }
    for (;;) {
        const auto event = client.next_event();
        if (!event)
            return refuse(options.form, event.error());
        if (wanted(options, *event))
            show(*event);
    }
}

} // namespace tandem::ctl
