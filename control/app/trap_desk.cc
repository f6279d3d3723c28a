// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/trap_desk.hh"

#include "control/snmp/engine.hh"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <expected>
#include <utility>
#include <vector>

namespace tandem::app {
namespace {

using Receivers = std::vector<config::SnmpReceiver>;

std::expected<Receivers, std::string> chosen(const config::TrapAction& action,
                                             const std::optional<config::SnmpSettings>& settings) {
    if (!settings)
        return std::unexpected("this node has no [[snmp.receiver]] to notify");
    if (action.receivers.empty())
        return settings->receivers;
    Receivers out;
    for (const std::string& name : action.receivers) {
        const auto found = std::ranges::find(settings->receivers, name, &config::SnmpReceiver::name);
        if (found == settings->receivers.end())
            return std::unexpected("this node has no [[snmp.receiver]] " + act::clean_value(name));
        out.push_back(*found);
    }
    return out;
}

std::string engine_of(const config::Config& config) {
    return snmp::engine_id(config.pair.id, config.node.name, config.node.id);
}

/// What one notification to several came to.
struct Gathered {
    std::size_t left{0};
    bool good{true};
    std::string detail;
    TrapDesk::Done done;
};

} // namespace

TrapDesk::TrapDesk(boost::asio::io_context& io, const config::Config& config)
    : io_(io)
    , settings_(config.snmp)
    , identity_{engine_of(config), config.node.state_dir + "/snmp"} {}

std::function<void()> TrapDesk::send(const config::TrapAction& action, const act::Variables& variables,
                                     std::chrono::milliseconds timeout, Done done) {
    const auto live = std::make_shared<bool>(true);
    const auto fail = [&](std::string why) -> std::function<void()> {
        boost::asio::post(io_, [live, done = std::move(done), why = std::move(why)] {
            if (*live)
                done(false, why);
        });
        return [live] { *live = false; };
    };
    const auto receivers = chosen(action, settings_);
    if (!receivers)
        return fail(receivers.error());
    if (!sender_) {
        auto sender = snmp::Sender::start(io_, identity_);
        if (!sender)
            return fail(sender.error());
        sender_ = std::move(*sender);
    }
    const snmp::Notification notification = snmp::notification_of(variables);
    const auto all = std::make_shared<Gathered>();
    all->left = receivers->size();
    all->done = std::move(done);
    std::vector<snmp::OrderId> orders;
    for (const config::SnmpReceiver& receiver : *receivers)
        orders.push_back(sender_->send({receiver, notification, timeout},
                                       [all, name = receiver.name](bool good, const std::string& said) {
                                           all->good = all->good && good;
                                           all->detail +=
                                               (all->detail.empty() ? "" : "; ") + name + ": " + said;
                                           if (--all->left == 0)
                                               all->done(all->good, all->detail);
                                       }));
    return [this, orders] {
        for (const snmp::OrderId order : orders)
            sender_->cancel(order);
    };
}

std::string describe_trap(const config::TrapAction& action, const config::Config& config,
                          const act::Variables& variables) {
    const snmp::Notification notification = snmp::notification_of(variables);
    std::string out = "send the notification " + std::string{snmp::to_string(notification.notice)} + " to ";
    const auto receivers = chosen(action, config.snmp);
    if (!receivers)
        return out + "nobody: " + receivers.error();
    std::string engine;
    for (const config::SnmpReceiver& receiver : *receivers) {
        const bool v3 = receiver.version == config::SnmpVersion::v3;
        const bool inform = receiver.inform == config::SnmpInform::on;
        out += (&receiver == &receivers->front() ? "" : ", ") + receiver.name + " (" +
               config::to_string(receiver) + (v3 ? ", SNMPv3" : ", SNMPv2c") +
               (inform ? ", acknowledged)" : ")");
        if (v3 && !inform)
            engine = "; this node's engine id is " + snmp::in_hexadecimal(engine_of(config));
    }
    return out + engine;
}

} // namespace tandem::app
