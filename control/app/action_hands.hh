// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What each type of action does.
//
// Problem: actions wait for programs, servers, the role engine and the kernel, and none of that may hold up
// the loop. Idea: each action is begun here and answers later; programs run as children, web requests with
// the courier, addresses on a thread of ours, and the role engine is asked as an operator would ask it. A VIP
// is moved by the role engine alone: who wants to add or delete one asks for the group. Deliberately absent:
// the order of actions, their time-outs, who wants them.

#include "control/act/runner.hh"
#include "control/api/message.hh"
#include "control/app/peer_line.hh"
#include "control/config/config.hh"
#include "control/courier/courier.hh"
#include "control/ha/node.hh"
#include "control/mail/letter.hh"
#include "control/spawn/spawner.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace tandem::app {

/// What came of an action.
struct ActionResult {
    act::StepResult result{act::StepResult::failed};
    std::string detail; ///< a sentence without a full stop
    std::string output; ///< of a program, printable
    bool output_cut{false};
    std::chrono::microseconds took{0};
};

/// What the service lends to actions.
struct ActionDoors {
    /// The role engine, as operators ask it: `failover`, `role.follow`.
    std::function<void(const std::string& verb, boost::json::object params, Respond)> order;
    /// The group's present state; nothing while it is not known.
    std::function<std::optional<ha::View>(std::size_t group)> view;
    /// How many calls are up.
    std::function<std::uint32_t(std::size_t group)> calls;
    std::function<void(std::size_t group, config::Mirroring)> set_mirroring;
    /// Announces the group's addresses once more, if it is still active by then.
    std::function<void(std::size_t group)> announce;
    /// Any method of the local API, with the right to act.
    std::function<void(const std::string& method, boost::json::object params,
                       std::function<void(api::Outcome)>)>
        manage;
    /// Carries web requests; outlives the hands.
    courier::Courier* courier{nullptr};
    /// Queues a letter: its id, or why not. Empty: this node sends no mail.
    std::function<std::expected<std::string, std::string>(mail::Letter)> post;
    /// Of programs; empty: where it is installed, see spawn::find_launcher().
    std::string launcher{};
    /// Notifies receivers of SNMP; the function that comes back gives it up. See TrapDesk::send().
    std::function<std::function<void()>(const config::TrapAction&, const act::Variables&,
                                        std::chrono::milliseconds,
                                        std::function<void(bool good, std::string detail)>)>
        notify;
};

class ActionHands {
public:
    using Done = std::function<void(ActionResult)>;
    using Id = std::uint64_t;

    ActionHands(boost::asio::io_context& io, std::shared_ptr<const config::Config> config, ActionDoors doors);
    ~ActionHands();
    ActionHands(const ActionHands&) = delete;
    ActionHands& operator=(const ActionHands&) = delete;

    void reconfigure(std::shared_ptr<const config::Config> config);

    /// `done` is called once, on the loop, never from within this call.
    Id perform(const config::ActionSettings& action, std::size_t group, const act::Variables& variables,
               Done done);
    /// Its `done` comes, with what it came to or as cancelled. An action that has ended: nothing happens.
    void cancel(Id id);

    /// What would be done, in words, with the variables' values.
    std::string describe(const config::ActionSettings& action, std::size_t group,
                         const act::Variables& variables) const;
    /// The body that is posted to another node's HTTPS face, and to which address; see ActionDesk::perform.
    void post_request(courier::HttpRequest request, const std::string& token_file, Id id);
    Id open(Done done);

private:
    struct Job;
    struct Task;
    void begin(Task task);
    void begin_program(Task& task, const std::vector<std::string>& argv, const std::string& script,
                       const std::string& user);
    void take_group(Task task, unsigned tries);
    void follow(Task task);
    void change_address(Task task, const config::AddressAction& action);
    void move_vip(Task task, std::size_t owner, config::AddressAction::Verb verb);
    void wait_for_view(Task task, std::function<bool(const ha::View&)> good, std::string detail);
    void announce(Task task);
    void drain(Task task, std::uint32_t calls_max);
    void manage(Task task, const config::ManagementAction& action);
    void call_web(Task task, const config::WebhookAction& action);
    void send_trap(Task task, const config::TrapAction& action);
    void send_letter(Task task, const config::EmailAction& action);
    void after(std::chrono::milliseconds time, Id id, std::function<void()> function);
    void finish(Id id, act::StepResult result, std::string detail);
    void finish(Id id, ActionResult result);
    /// On the thread of ours; what it says comes back to the loop.
    void elsewhere(Id id, std::function<std::expected<std::string, std::string>()> function);
    std::optional<std::size_t> owner_of(const wire::IpAddress& address) const;

    boost::asio::io_context& io_;
    std::shared_ptr<const config::Config> config_;
    ActionDoors doors_;
    spawn::Spawner spawner_;
    std::map<Id, std::unique_ptr<Job>> jobs_;
    Id next_{1};
    std::shared_ptr<int> alive_{std::make_shared<int>(0)}; ///< gone with this object
    boost::asio::thread_pool thread_{1};
};

} // namespace tandem::app
