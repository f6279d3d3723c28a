// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The checks of all groups: run, told of, shown, started and stopped by name.
//
// Everything on the service's loop. Deliberately absent: what a check is (control/probe), and what follows
// from its verdict besides an event and an alarm.

#include "control/app/alarms.hh"
#include "control/app/journal.hh"
#include "control/config/config.hh"
#include "control/probe/probe.hh"
#include "control/status/status.hh"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>

#include <expected>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::app {

class CheckDesk {
public:
    /// Checks that are down are told of one by one as long as they are no more than this in a group.
    static constexpr std::size_t named_max = 16;
    /// So many changes a second have an event each; of more, one says how many there were.
    static constexpr unsigned told_max = 50;
    /// As many are listed in one answer.
    static constexpr std::size_t listed_max = 1000;

    /// `config` and `journal` outlive it. `changed` is called after every verdict.
    CheckDesk(boost::asio::io_context& io, const config::Config& config, Journal& journal,
              std::function<void()> changed);

    void start() { checks_.start(); }
    void stop() { checks_.stop(); }

    /// Tells of what a storm has left untold. Call it often.
    void tick();
    /// Those that are down, as conditions for the board.
    std::vector<Condition> conditions() const;
    /// How many of a group's checks are in which state.
    status::Checks summary(std::size_t group) const;
    /// `checks` from number `from` on, and `next` where there are more. `group`: only its.
    boost::json::object list(std::optional<std::size_t> group, std::size_t from) const;

    enum class Running : std::uint8_t { no, yes };
    /// A sentence either way.
    std::expected<std::string, std::string> set_running(std::optional<std::size_t> group,
                                                        std::string_view name, Running running);

private:
    /// Where a check stands in the configuration.
    struct Place {
        std::size_t group;
        const config::CheckSettings* settings;
    };
    static std::vector<Place> places_of(const config::Config& config);
    static std::vector<const config::CheckSettings*> settings_of(const std::vector<Place>& places);
    void on_verdict(std::size_t check, probe::CheckVerdict verdict);
    void tell(std::size_t check, probe::CheckVerdict verdict);
    boost::json::object shown(std::size_t check) const;

    const config::Config& config_;
    Journal& journal_;
    std::function<void()> changed_;
    std::vector<Place> places_;
    std::set<std::size_t> down_; ///< checks
    ha::Instant second_{};       ///< in which `told_` of them were told, and these were not:
    unsigned told_{0};
    std::uint64_t untold_down_{0};
    std::uint64_t untold_up_{0};
    probe::Checks checks_;
};

} // namespace tandem::app
