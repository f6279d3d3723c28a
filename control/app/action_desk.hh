// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The lists of actions: what begins them, what comes of them, and who may look and ask.
//
// Events (a role, a check, an alarm) become runs; each group has a runner (control/act) that says what comes
// when; the hands (action_hands.hh) do it, here or through the other node. What is done on the other node is
// asked for under a ticket: its answer is a request of its own in the other direction, so that it may take
// longer than a reply may. Everything ends in the journal. Deliberately absent: any decision about roles.

#include "control/app/action_hands.hh"
#include "control/app/alarms.hh"
#include "control/app/journal.hh"
#include "control/app/pulse.hh"
#include "control/config/document.hh"

#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace tandem::app {

class ActionDesk {
public:
    struct Peer {
        /// Asks the other node for something; one answer.
        std::function<void(const std::string& method, boost::json::object params, Respond)> ask;
        std::function<std::string()> name;
    };

    /// `journal` outlives it.
    ActionDesk(boost::asio::io_context& io, const config::Config& config, Journal& journal, ActionDoors doors,
               Peer peer);

    /// What waits and runs goes on as it was begun.
    void reconfigure(const config::Config& config);
    /// Ends what runs; nothing begins any more.
    void stop();

    // What begins lists.
    void look(const PulseSnapshot& snapshot);
    void on_check(const std::string& group, const std::string& check, config::Trigger verdict,
                  const std::string& reason);
    void on_alarm(const Condition& condition, bool raised);

    // What people and programs ask for (the methods `actions...`).
    boost::json::object list(std::string_view name) const;
    /// `list`, `dry_run`, `on` ("local" or "peer"): answered when the list has ended.
    void run(const boost::json::object& params, Respond respond);
    /// One action: `type` and its fields, and `group`, `variables`, `timeout_ms`, `dry_run`.
    void perform(const boost::json::object& params, Respond respond);
    /// `list`: only its runs.
    boost::json::object cancel(const boost::json::object& params);

    /// A request of the other node. False: it is none about actions.
    bool on_peer_request(const std::string& method, const boost::json::object& params,
                         const Respond& respond);

private:
    using List = std::shared_ptr<const config::ActionList>;
    /// A run that waits or is under way.
    struct Running {
        List list;
        ActionHands::Id hand{0};  ///< of the step under way
        std::string ticket;       ///< of the step under way, where the other node does it
        boost::json::array steps; ///< how they ended
        Respond respond;
    };
    struct Desk {
        explicit Desk(act::Runner::Settings settings)
            : runner{settings} {}
        act::Runner runner;
        std::map<act::RunId, Running> runs;
    };
    struct Remote {
        ActionHands::Done done;
        ha::Instant began{};
    };
    /// What came of a list last.
    struct Last {
        std::string end;
        std::string time;
        std::uint64_t runs{0};
        ha::Instant refused{}; ///< when it was told of that it was not begun
        boost::json::array steps;
    };

    // action_desk.cc
    void hang_up_lists();
    act::Variables variables(std::size_t group, const config::ActionList& list) const;
    void begin(std::size_t group, config::Trigger trigger, std::string_view check, const std::string& role,
               const act::Variables& more);
    act::RunId submit(std::size_t group, const config::ActionList& list, act::Variables variables,
                      const std::string& role, act::Run::Limit limit, Respond respond);
    Desk& desk_of(std::size_t group);
    act::Runner::Settings runner_settings() const;
    void pump(const std::string& group);
    void carry_out(const std::string& group, Desk& desk, const act::Runner::Output& output);
    void begin_step(const std::string& group, Desk& desk, const act::Runner::Output& output);
    void tell_step(const std::string& group, Running& running, const act::Runner::Output& output,
                   const ActionResult* result);
    void tell_end(const std::string& group, Desk& desk, const act::Runner::Output& output);
    void arm();
    bool matches(const config::ActionSettings& action, const act::Variables& variables) const;
    std::optional<std::size_t> group_index(std::string_view name) const;
    const config::ActionList* find(std::string_view name) const;

    // action_remote.cc
    void dry_run(const config::ActionList& list, const Respond& respond) const;
    void run_here(const config::ActionList& list, Respond respond);
    void ask_remote(const std::string& ticket, boost::json::object params, ActionHands::Done done);
    void answer_remote(const std::string& ticket, boost::json::object answer, unsigned tries);
    void begin_for_peer(const boost::json::object& params, const Respond& respond);
    void perform_on_url(const config::ActionSettings& action, const std::string& group,
                        const act::Variables& variables, ActionHands::Done done, ActionHands::Id& id);
    void perform_with_time(const config::ActionSettings& action, std::size_t group,
                           const act::Variables& variables, const std::string& key, ActionHands::Done done);
    std::string new_ticket();
    void give_up_remote(std::uint32_t peer_incarnation);

    boost::asio::io_context& io_;
    std::shared_ptr<const config::Config> config_;
    Journal& journal_;
    Peer peer_;
    ActionHands hands_;
    std::map<std::string, Desk, std::less<>> desks_; ///< by the group's name
    std::map<std::string, Last, std::less<>> last_;  ///< by the list's name
    /// The results of steps between their end and the runner's word about it.
    std::map<std::pair<std::string, act::RunId>, ActionResult> results_;
    std::map<std::string, Remote, std::less<>> remote_; ///< by ticket: what the other node does for us
    std::map<std::string, ActionHands::Id, std::less<>> for_peer_; ///< by ticket: what we do for it
    /// The lists of the configuration by what they hang on: a group, a trigger, and one of its checks or
    /// none. Thousands of checks may each have one, and all may change at once.
    std::map<std::tuple<std::size_t, config::Trigger, std::string>, std::vector<std::size_t>> hooks_;
    std::vector<ha::Role> roles_;
    std::vector<ha::View> views_;
    boost::asio::steady_timer timer_;
    std::uint32_t peer_incarnation_{0}; ///< of the other node's brain, as it was last
    std::uint64_t next_ticket_{1};
    std::string ticket_stem_;
    std::shared_ptr<int> alive_{std::make_shared<int>(0)};
    bool stopped_{false};
};

/// A JSON object as a table of a file, so that one reader reads both.
config::Table to_table(const boost::json::object& object);
boost::json::object to_json(const ActionResult& result);

} // namespace tandem::app
