// SPDX-License-Identifier: GPL-3.0-or-later

// Events and alarms of both nodes: the wiring, and what operators can ask about them.

#include "control/app/alarm_history.hh"
#include "control/app/clock.hh"
#include "control/app/service.hh"
#include "control/status/reader.hh"

#include <boost/json/array.hpp>

#include <pwd.h>

#include <array>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

/// The name of a user of this machine. Asks whatever the machine is told to ask, so not on the loop.
std::string user_name(std::uint32_t uid) {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return status::printable(found->pw_name);
    return "user " + std::to_string(uid);
}

std::optional<std::string> text_at(const json::object& params, std::string_view key) {
    const json::value* value = params.if_contains(key);
    return value != nullptr && value->is_string() ? std::optional{std::string{value->get_string()}}
                                                  : std::nullopt;
}

std::optional<std::uint64_t> count_at(const json::object& params, std::string_view key) {
    const json::value* value = params.if_contains(key);
    return value == nullptr ? std::nullopt : status::count_of(*value);
}

using Asked = std::expected<LedgerDesk::Query, std::string>;

std::expected<std::size_t, std::string> read_limit(const json::object& params, std::size_t usual) {
    if (!params.contains("limit"))
        return usual;
    const auto limit = count_at(params, "limit");
    if (!limit || *limit == 0)
        return std::unexpected("'limit' must be a number above 0");
    return std::min<std::uint64_t>(*limit, LedgerDesk::shown_max);
}

/// Which entries: a sequence number or a time, and a group.
std::expected<void, std::string> read_beginning(const json::object& params, ledger::Filter& filter) {
    if (const json::value* since = params.if_contains("since")) {
        const auto number = status::count_of(*since);
        const auto moment = since->is_string()
                                ? ledger::moment_of(std::string_view{since->get_string()}, wall_us())
                                : std::expected<std::int64_t, std::string>{0};
        if (!number && !since->is_string())
            return std::unexpected("'since' must be a sequence number, or a time as text");
        if (!moment)
            return std::unexpected("'since': " + moment.error());
        if (number)
            filter.after = *number;
        else
            filter.since_us = *moment;
    }
    filter.group = text_at(params, "group").value_or("");
    return {};
}

std::expected<void, std::string> read_filter(const json::object& params, ledger::Filter& filter) {
    if (auto read = read_beginning(params, filter); !read)
        return read;
    filter.name = text_at(params, "name").value_or("");
    if (const auto word = text_at(params, "severity")) {
        filter.severity = ledger::severity_of(*word);
        if (!filter.severity)
            return std::unexpected("'severity' must be info, warning or error");
    }
    return {};
}

Asked read_query(const json::object& params, const std::string& self) {
    LedgerDesk::Query query;
    if (auto read = read_filter(params, query.filter); !read)
        return std::unexpected(read.error());
    const std::string node = text_at(params, "node").value_or(self);
    query.node = node == "all" ? "" : node;
    const auto limit = read_limit(params, query.limit);
    if (!limit)
        return std::unexpected(limit.error());
    query.limit = *limit;
    if (const json::value* newest = params.if_contains("newest");
        newest != nullptr && status::is_true(*newest))
        query.from = ledger::From::newest;
    if (const json::value* after = params.if_contains("after"); after != nullptr && after->is_object()) {
        const auto position = [&](std::string_view key) {
            const auto text = text_at(after->get_object(), key);
            return text ? ledger::position_of(*text) : std::nullopt;
        };
        query.after_own = position("own");
        query.after_peer = position("peer");
        if (!query.after_own || !query.after_peer)
            return std::unexpected("'after' must be what \"next\" of an answer was");
    }
    return query;
}

/// Both nodes' alarms that are over, the newest of them.
Asked read_history(const json::object& params) {
    LedgerDesk::Query query;
    query.from = ledger::From::newest;
    query.filter.name = "alarm.cleared";
    const json::value* since = params.if_contains("since");
    if (since != nullptr && !since->is_string())
        return std::unexpected("'since' must be a time, as text");
    if (auto read = read_beginning(params, query.filter); !read)
        return std::unexpected(read.error());
    if (const auto word = text_at(params, "severity")) {
        query.filter.gravity = ledger::gravity_of(*word);
        if (!query.filter.gravity)
            return std::unexpected("'severity' must be warning, minor, major or critical");
    }
    const auto limit = read_limit(params, LedgerDesk::shown_max);
    if (!limit)
        return std::unexpected(limit.error());
    query.limit = *limit;
    return query;
}

std::unexpected<api::Error> invalid(std::string what) {
    return std::unexpected(api::Error{api::Code::invalid_params, std::move(what), nullptr});
}

void answer(const api::Reply& reply, Outcome outcome) {
    if (outcome.code == 0)
        reply(json::value(std::move(outcome.result)));
    else
        reply(std::unexpected(api::Error{api::Code::refused, std::move(outcome.message), nullptr}));
}

} // namespace

void Service::open_ledger() {
    const LedgerDesk::Ask ask = [this](const std::string& method, json::object params, Respond respond) {
        peer_->ask(method, std::move(params), std::move(respond));
    };
    const json::object saved = std::move(parts_.ledger.alarms);
    const auto remarks = std::move(parts_.ledger.remarks);
    const config::Config& config = parts_.config;
    ledger_ = std::make_unique<LedgerDesk>(io_, config.node, config.ledger.journal, parts_.journal,
                                           std::move(parts_.ledger), ask, [this](const JournalEntry& entry) {
                                               if (api_)
                                                   api_->publish(to_json(entry), api::Audience::both_nodes);
                                           });
    alarms_ = std::make_unique<AlarmDesk>(config.node, config.ledger.alarm, parts_.journal, *ledger_, ask,
                                          ledger::Moment{now(), wall_us()}, saved);
    parts_.journal.on_entry([this](const JournalEntry& entry) {
        ledger_->add(parts_.journal.recent().back());
        if (api_)
            api_->publish(to_json(entry), api::Audience::everybody);
    });
    for (const std::string& remark : remarks)
        parts_.journal.add(Severity::warning, "journal.mended", "", remark);
}

void Service::tick_ledger(ha::Instant at) {
    const bool connected = peer_->connected();
    ledger_->tick(at, connected);
    alarms_->tick({at, wall_us()}, connected);
}

void Service::close_ledger() {
    ledger_->finish(); // nothing is written beside it any more
    alarms_->finish();
}

bool Service::on_ledger_request(const std::string& method, const json::object& params,
                                const Respond& respond) {
    if (method == "journal.copy")
        ledger_->take(params, respond);
    else if (method == "alarms.table" || method == "alarms.ack" || method == "alarms.clear")
        alarms_->on_peer(method, params, respond);
    else
        return false;
    return true;
}

void Service::add_ledger_methods(api::Methods& methods) {
    methods["events"] = {
        api::Access::read, [this](const json::object& params, const api::Caller&, const api::Reply& reply) {
            auto query = read_query(params, parts_.config.node.name);
            if (!query)
                return reply(invalid(query.error()));
            ledger_->ask(std::move(*query), [reply](const LedgerDesk::Answer& found) {
                json::array events;
                for (const ledger::EntryPtr& entry : found.events.entries)
                    events.emplace_back(to_json(*entry));
                json::object out{{"events", std::move(events)},
                                 {"next", {{"own", to_string(found.own)}, {"peer", to_string(found.peer)}}}};
                if (found.events.more)
                    out["more"] = true;
                reply(json::value(std::move(out)));
            });
        }};
    methods["alarms"] = {api::Access::read,
                         [this](const json::object&, const api::Caller&, const api::Reply& reply) {
                             reply(json::value(alarms_->list()));
                         }};
    methods["alarms.history"] = {
        api::Access::read, [this](const json::object& params, const api::Caller&, const api::Reply& reply) {
            auto query = read_history(params);
            if (!query)
                return reply(invalid(query.error()));
            ledger_->ask(std::move(*query), [reply](const LedgerDesk::Answer& found) {
                json::array alarms;
                for (const ledger::EntryPtr& entry : found.events.entries)
                    alarms.emplace_back(over_of(*entry));
                reply(json::object{{"alarms", std::move(alarms)}, {"more", found.events.more}});
            });
        }};
    for (const char* method : {"alarms.ack", "alarms.clear"})
        methods[method] = {
            api::Access::act,
            [this, method](const json::object& params, const api::Caller& caller, const api::Reply& reply) {
                if (!text_at(params, "id"))
                    return reply(invalid("'id' must name an alarm, or be \"all\""));
                ledger_->on_disk([this, method, params, caller, reply]() -> std::function<void()> {
                    const std::string by = caller.name.empty() ? user_name(caller.uid) : to_string(caller);
                    return [this, method, params, by, reply] {
                        alarms_->treat(method, params, by,
                                       [reply](Outcome outcome) { answer(reply, std::move(outcome)); });
                    };
                });
            }};
}

} // namespace tandem::app
