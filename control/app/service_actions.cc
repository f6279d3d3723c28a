// SPDX-License-Identifier: GPL-3.0-or-later

// Actions: what the service lends to them, and their methods.

#include "control/app/service.hh"
#include "control/status/reader.hh"

#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

Respond responder(const api::Reply& reply) {
    return [reply](Outcome outcome) {
        if (outcome.code == 0)
            reply(json::value(std::move(outcome.result)));
        else
            reply(std::unexpected(api::Error{api::Code::refused, std::move(outcome.message), nullptr}));
    };
}

} // namespace

void Service::open_actions() {
    ActionDoors doors;
    doors.courier = courier_.get();
    doors.post = [this](mail::Letter letter) { return mail_->post(std::move(letter)); };
    traps_ = std::make_unique<TrapDesk>(io_, parts_.config);
    doors.notify = [this](const config::TrapAction& action, const act::Variables& variables,
                          std::chrono::milliseconds timeout, TrapDesk::Done done) {
        return traps_->send(action, variables, timeout, std::move(done));
    };
    doors.order = [this](const std::string& verb, json::object params, Respond respond) {
        PulseSnapshot snapshot;
        const bool known = parts_.pulse.snapshot(snapshot);
        desk_->ask(
            verb, params, OperatorDesk::Origin::here,
            [&](std::size_t group) { return known ? &snapshot.groups[group] : nullptr; }, std::move(respond));
    };
    doors.view = [this](std::size_t group) -> std::optional<ha::View> {
        PulseSnapshot snapshot;
        return parts_.pulse.snapshot(snapshot) ? std::optional{snapshot.groups[group]} : std::nullopt;
    };
    doors.calls = [this](std::size_t group) { return parts_.page.traffic[group].calls.load(); };
    doors.announce = [this](std::size_t group) { door_.tell(Repair{group}); };
    doors.set_mirroring = [this](std::size_t group, config::Mirroring mirroring) {
        contract::Policy policy;
        if (!parts_.page.policy.read(policy))
            return;
        policy.groups[group].mirroring =
            mirroring == config::Mirroring::on ? contract::Mirroring::on : contract::Mirroring::off;
        parts_.page.policy.write(policy);
    };
    doors.manage = [this](const std::string& method, json::object params,
                          std::function<void(api::Outcome)> answer) {
        const auto all = methods();
        const auto found = all.find(method);
        if (found == all.end() || method.starts_with("actions"))
            return answer(std::unexpected(
                api::Error{api::Code::method_not_found, "there is no command " + method, nullptr}));
        const api::Caller self{.uid = 0, .pid = 0, .access = api::Access::act, .name = {}};
        found->second.handler(params, self, api::Reply{std::move(answer)});
    };
    actions_ = std::make_unique<ActionDesk>(
        io_, parts_.config, parts_.journal, std::move(doors),
        ActionDesk::Peer{
            .ask = [this](const std::string& method, json::object params,
                          Respond respond) { peer_->ask(method, std::move(params), std::move(respond)); },
            .name =
                [this] {
                    if (!peer_status_)
                        return std::string{};
                    return status::text_of(status::look(json::value(*peer_status_), {"node", "name"}));
                }});
}

void Service::add_action_methods(api::Methods& methods) {
    methods["actions"] = {api::Access::read,
                          [this](const json::object& params, const api::Caller&, const api::Reply& reply) {
                              const json::value* list = params.if_contains("list");
                              const std::string name =
                                  list != nullptr && list->is_string() ? std::string{list->get_string()} : "";
                              reply(json::value(actions_->list(name)));
                          }};
    methods["actions.run"] = {api::Access::act,
                              [this](const json::object& params, const api::Caller&,
                                     const api::Reply& reply) { actions_->run(params, responder(reply)); }};
    methods["actions.perform"] = {
        api::Access::act, [this](const json::object& params, const api::Caller&, const api::Reply& reply) {
            actions_->perform(params, responder(reply));
        }};
    methods["actions.cancel"] = {
        api::Access::act, [this](const json::object& params, const api::Caller&, const api::Reply& reply) {
            reply(json::value(actions_->cancel(params)));
        }};
}

} // namespace tandem::app
