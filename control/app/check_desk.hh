// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The checks of all groups: run, told of, shown, started and stopped by name.
//
// Everything on the service's loop. What follows from a verdict besides an event and an alarm has a hook: it
// is called for every one, also for those that a storm leaves without an event. Deliberately absent: what a
// check is (control/probe), and what the hook does.

#include "control/app/alarms.hh"
#include "control/app/journal.hh"
#include "control/app/overload.hh"
#include "control/config/config.hh"
#include "control/probe/probe.hh"
#include "control/status/status.hh"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::app {

/// A check went down or came up.
struct CheckChange {
    std::string group;
    std::string check;
    std::string method;
    std::string target; ///< as people read it
    probe::CheckVerdict verdict{probe::CheckVerdict::up};
    std::string detail; ///< what the target does: "does not answer", "refuses the connection"
    ha::Instant at{};
    ha::Duration lasted{};     ///< how long it was the other way round, or ran before the first change
    ha::Duration worst_case{}; ///< within which it is found
};

class CheckDesk {
public:
    /// Checks that are down are told of one by one as long as they are no more than this in a group.
    static constexpr std::size_t named_max = 16;
    /// So many changes a second have an event each; of more, one says how many there were.
    static constexpr unsigned told_max = 50;
    /// As many are listed in one answer: a few milliseconds of the loop.
    static constexpr std::size_t listed_max = 250;

    /// `journal` outlives it; of `config` it has copies. `changed` is called after every verdict.
    CheckDesk(boost::asio::io_context& io, const config::Config& config, Journal& journal,
              std::function<void()> changed);

    /// Called for every verdict, on the loop, after its event. It may not come back to this object.
    void on_change(std::function<void(const CheckChange&)> hook) { hook_ = std::move(hook); }
    /// The checks of another configuration: see probe::Checks::reconfigure(). No event is written.
    probe::Checks::Reconfigured reconfigure(const config::Config& config);

    void start() { checks_.start(); }
    void stop() { checks_.stop(); }

    /// Tells of what a storm has left untold. Call it often.
    void tick();
    /// Those that are down, as conditions for the board.
    std::vector<Condition> conditions() const;
    /// How many of a group's checks are in which state.
    status::Checks summary(std::size_t group) const;
    /// `checks` from number `from` on, `next` where there are more, and `late_ms`: by how much the turn of a
    /// check came too late at most within the last second. `group`: only its.
    boost::json::object list(std::optional<std::size_t> group, std::size_t from) const;

    enum class Running : std::uint8_t { no, yes };
    /// A sentence either way.
    std::expected<std::string, std::string> set_running(std::optional<std::size_t> group,
                                                        std::string_view name, Running running);

private:
    /// The checks of all groups, in the order of the file.
    static std::vector<probe::Checks::Named> named(const config::Config& config);
    void take_places(const config::Config& config);
    void on_news(std::size_t check, const probe::CheckNews& news);
    void tell(std::size_t check, const probe::CheckNews& news);
    boost::json::object shown(std::size_t check) const;

    Journal& journal_;
    std::function<void()> changed_;
    std::function<void(const CheckChange&)> hook_;
    std::vector<std::string> groups_;         ///< names, in the order of the file
    std::vector<std::size_t> group_of_;       ///< of each check
    std::map<std::size_t, std::string> down_; ///< checks, and what they do
    ha::Instant second_{};                    ///< in which `told_` of them were told, and these were not:
    unsigned told_{0};
    std::uint64_t untold_down_{0};
    std::uint64_t untold_up_{0};
    Overload overload_;
    probe::Checks checks_;
};

} // namespace tandem::app
