// SPDX-License-Identifier: GPL-3.0-or-later

// What operators can ask of the brain, method by method.

#include "control/app/clock.hh"
#include "control/app/service.hh"
#include "control/app/status_report.hh"
#include "control/status/reader.hh"

#include <ctime>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

/// A peer's word that is older than this is not shown as its present state.
constexpr ha::Duration peer_status_max_age = std::chrono::seconds{3};

void respond(const api::Reply& reply, Outcome outcome) {
    if (outcome.code == 0)
        reply(json::value(std::move(outcome.result)));
    else
        reply(std::unexpected(api::Error{api::Code::refused, std::move(outcome.message),
                                         outcome.result.empty() ? json::value{nullptr}
                                                                : json::value(std::move(outcome.result))}));
}

} // namespace

json::object Service::own_status() {
    PulseSnapshot snapshot;
    auto interfaces = netlink::list_interfaces();
    if (!parts_.pulse.snapshot(snapshot) || !interfaces)
        return {};
    std::string peer_name;
    if (peer_status_)
        if (const json::value* node = peer_status_->if_contains("node"); node != nullptr)
            peer_name = status::text_of(status::look(*node, {"name"}));
    const auto lines = monitor_lines();
    std::vector<status::Checks> checks;
    for (std::size_t i = 0; i < groups_.size(); ++i)
        checks.push_back(checks_->summary(i));
    return status::to_json(report_status({.config = parts_.config,
                                          .snapshot = snapshot,
                                          .page = parts_.page,
                                          .peer_line = *peer_,
                                          .engine = engine_,
                                          .interfaces = *interfaces,
                                          .warnings = parts_.warnings,
                                          .alarms = alarms_->alarms(),
                                          .lines = lines,
                                          .checks = checks,
                                          .wall_clock = std::time(nullptr),
                                          .incarnation = parts_.incarnation,
                                          .events_lost = parts_.from_pulse.refused(),
                                          .peer_name = peer_name,
                                          .started = started_,
                                          .now = now()}));
}

json::object Service::pair_status() {
    json::value peer = nullptr;
    if (peer_status_ && peer_->connected() && now() - peer_status_at_ <= peer_status_max_age)
        peer = *peer_status_;
    return {{"self", own_status()}, {"peer", std::move(peer)}};
}

void Service::add_check_methods(api::Methods& methods) {
    const auto invalid = [](std::string what) {
        return std::unexpected(api::Error{api::Code::invalid_params, std::move(what), nullptr});
    };
    /// The group that is named, if one is. False: there is no such group.
    const auto named = [this](const json::object& params, std::optional<std::size_t>& group) {
        if (params.if_contains("group") == nullptr)
            return true;
        const auto found = desk_->find_group(params);
        if (found)
            group = *found;
        return found.has_value();
    };
    methods["checks"] = {
        api::Access::read,
        [this, invalid, named](const json::object& params, const api::Caller&, const api::Reply& reply) {
            std::optional<std::size_t> group;
            if (!named(params, group))
                return reply(invalid("there is no such group"));
            const json::value* from = params.if_contains("from");
            const auto first = from == nullptr ? std::uint64_t{0} : status::count_of(*from);
            if (!first)
                return reply(invalid("'from' must be a number"));
            reply(json::value(checks_->list(group, *first)));
        }};
    for (const auto& [verb, running] :
         {std::pair{"checks.start", CheckDesk::Running::yes}, {"checks.stop", CheckDesk::Running::no}})
        methods[verb] = {
            api::Access::act, [this, invalid, named, running](const json::object& params, const api::Caller&,
                                                              const api::Reply& reply) {
                std::optional<std::size_t> group;
                if (!named(params, group))
                    return reply(invalid("there is no such group"));
                const json::value* name = params.if_contains("check");
                if (name == nullptr || !name->is_string())
                    return reply(invalid("'check' must be the name of a check"));
                auto done = checks_->set_running(group, name->get_string(), running);
                if (!done)
                    return reply(
                        std::unexpected(api::Error{api::Code::refused, std::move(done.error()), nullptr}));
                reply(json::value{{"detail", std::move(*done)}});
            }};
}

api::Methods Service::methods() {
    api::Methods methods;
    methods["status"] = {api::Access::read,
                         [this](const json::object&, const api::Caller&, const api::Reply& reply) {
                             reply(json::value(pair_status()));
                         }};
    add_ledger_methods(methods);
    add_check_methods(methods);
    mail_->add_methods(methods);
    add_action_methods(methods);
    methods["reload"] = {api::Access::act,
                         [this](const json::object&, const api::Caller&, const api::Reply& reply) {
                             reload([reply](Outcome outcome) { respond(reply, std::move(outcome)); });
                         }};
    for (const char* verb : {"failover", "failback", "enable", "disable", "role.follow"})
        methods[verb] = {
            api::Access::act,
            [this, verb](const json::object& params, const api::Caller& caller, const api::Reply& reply) {
                PulseSnapshot snapshot;
                const bool known = parts_.pulse.snapshot(snapshot);
                const auto group = desk_->find_group(params);
                parts_.journal.add(Severity::info, "operator.command",
                                   group ? parts_.config.groups[*group].name : "",
                                   std::string{verb} + " asked for by " + api::to_string(caller));
                desk_->ask(
                    verb, params, OperatorDesk::Origin::here,
                    [&](std::size_t index) { return known ? &snapshot.groups[index] : nullptr; },
                    [reply](Outcome outcome) { respond(reply, std::move(outcome)); });
            }};
    return methods;
}

} // namespace tandem::app
