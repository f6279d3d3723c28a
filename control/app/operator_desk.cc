// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/operator_desk.hh"

#include "control/app/clock.hh"

#include <memory>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

struct Named {
    const char* name;
    ha::Verb verb;
};
constexpr Named verbs[] = {{"failover", ha::Verb::failover},
                           {"failback", ha::Verb::failback},
                           {"enable", ha::Verb::enable},
                           {"disable", ha::Verb::disable},
                           {"role.follow", ha::Verb::follow}};

std::string detail(ha::Verb verb) {
    switch (verb) {
    case ha::Verb::failover:
    case ha::Verb::failback:
        return "the group has moved";
    case ha::Verb::enable:
        return "the group is enabled on this node";
    case ha::Verb::disable:
        return "the group is disabled on this node";
    case ha::Verb::follow:
        return "the configured roles are now the present ones, on both nodes";
    case ha::Verb::leave:
        return "left";
    }
    return {};
}

} // namespace

std::expected<std::size_t, std::string> OperatorDesk::find_group(const json::object& params) const {
    const json::value* name = params.if_contains("group");
    if (name == nullptr || name->is_null() || (name->is_string() && name->get_string().empty())) {
        if (config_.groups.size() == 1)
            return 0;
        std::string names;
        for (const config::Group& group : config_.groups)
            names += (names.empty() ? "" : ", ") + group.name;
        return std::unexpected("several groups are configured; name one of: " + names);
    }
    if (name->is_string())
        for (std::size_t i = 0; i < config_.groups.size(); ++i)
            if (name->get_string() == config_.groups[i].name)
                return i;
    return std::unexpected(std::string{"there is no such group; see tandemctl status"});
}

void OperatorDesk::ask(const std::string& method, const json::object& params, Origin origin,
                       const std::function<const ha::View*(std::size_t group)>& view, Respond respond) {
    const Named* named = nullptr;
    for (const Named& candidate : verbs)
        if (method == candidate.name)
            named = &candidate;
    if (named == nullptr)
        return respond(Outcome::refused("there is no command " + method));
    const auto group = find_group(params);
    if (!group)
        return respond(Outcome::refused(group.error()));
    const json::value* force = params.if_contains("force");
    const bool forced = force != nullptr && force->is_bool() && force->get_bool();

    const ha::View* now_is = view(*group);
    const bool moves = named->verb == ha::Verb::failover || named->verb == ha::Verb::failback;
    const bool elsewhere = now_is != nullptr && now_is->role == ha::Role::standby && now_is->peer_said &&
                           now_is->peer == ha::PeerState::up && now_is->peer_said->role == ha::Role::active;
    if (moves && elsewhere && origin == Origin::here)
        return peer_.ask(method, {{"group", config_.groups[*group].name}, {"force", forced}},
                         std::move(respond));
    submit(*group, named->verb, forced ? ha::Force::yes : ha::Force::no, std::move(respond));
}

void OperatorDesk::submit(std::size_t group, ha::Verb verb, ha::Force force, Respond respond) {
    const std::uint32_t ticket = next_ticket_++;
    const ha::Instant asked = now(); // before the pulse can answer
    if (!pulse_.ask(Fact{group, ha::Operator{verb, force, ticket}}))
        return respond(Outcome::refused("too many commands at once; try again"));
    tickets_[ticket] = {std::move(respond), asked, verb};
}

void OperatorDesk::on_answer(std::size_t group, const ha::Output& output) {
    const auto found = tickets_.find(output.ticket);
    if (found == tickets_.end())
        return;
    const Ticket ticket = std::move(found->second);
    tickets_.erase(found);
    if (output.refusal != ha::Refusal::none)
        return ticket.respond(Outcome::refused(std::string{ha::to_string(output.refusal)}));
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(output.decided - ticket.asked).count();
    ticket.respond(Outcome::success({{"accepted", true},
                                     {"detail", detail(ticket.verb)},
                                     {"group", config_.groups[group].name},
                                     {"epoch", output.epoch},
                                     {"duration_ms", static_cast<double>(micros) / 1000.0}}));
}

void OperatorDesk::expire(ha::Instant now) {
    while (!tickets_.empty() && now - tickets_.begin()->second.asked >= patience) {
        const Respond late = std::move(tickets_.begin()->second.respond);
        tickets_.erase(tickets_.begin());
        late(Outcome::refused("no answer from the role engine; what came of it is in tandemctl status"));
    }
}

void OperatorDesk::leave(std::function<void()> done) {
    const auto left = std::make_shared<std::size_t>(config_.groups.size());
    for (std::size_t group = 0; group < config_.groups.size(); ++group)
        submit(group, ha::Verb::leave, ha::Force::yes, [left, done](const Outcome&) {
            if (--*left == 0)
                done();
        });
}

} // namespace tandem::app
