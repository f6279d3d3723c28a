// SPDX-License-Identifier: GPL-3.0-or-later

// The configuration file is read again while everything goes on.
//
// What can change at any time is taken over; where anything else differs, nothing is: half a file that nobody
// wrote is worse than the old one.

#include "control/app/clock.hh"
#include "control/app/service.hh"
#include "control/config/live.hh"

#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>

#include <algorithm>
#include <utility>

namespace tandem::app {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

std::string joined(const std::vector<std::string>& parts, const char* between) {
    std::string out;
    for (const std::string& part : parts)
        out += (out.empty() ? "" : between) + part;
    return out;
}

std::string changes_text(std::size_t added, std::size_t changed, std::size_t removed) {
    if (added + changed + removed == 0)
        return "no change";
    return std::to_string(added) + " added, " + std::to_string(changed) + " changed, " +
           std::to_string(removed) + " removed";
}

} // namespace

void Service::wait_for_hang_up() {
    hang_up_.async_wait([this](boost::system::error_code error, int) {
        if (error)
            return;
        reload([](const Outcome&) {}); // the journal tells what became of it
        wait_for_hang_up();
    });
}

/// The file is read in the pool: a disk may take its time.
void Service::reload(Respond respond) {
    if (std::exchange(reloading_, true))
        return respond(Outcome::refused("the configuration is being read already; try again in a moment"));
    asio::post(disk_, [this, respond = std::move(respond)]() mutable {
        auto loaded = parts_.source.load();
        asio::post(io_, [this, loaded = std::move(loaded), respond = std::move(respond)] {
            reloading_ = false;
            respond(take_over(loaded));
        });
    });
}

Outcome Service::take_over(const std::expected<Loaded, std::vector<std::string>>& loaded) {
    const auto refuse = [this](const std::string& why, const std::vector<std::string>& list) {
        parts_.journal.add(Severity::warning, "config.refused", "",
                           "the configuration was read again and not taken over: " + why,
                           {{"problems", json::array(list.begin(), list.end())}});
        Outcome outcome = Outcome::refused("nothing was changed: " + why);
        outcome.result["problems"] = json::array(list.begin(), list.end());
        return outcome;
    };
    if (!loaded)
        return refuse("the file has problems", loaded.error());
    const auto fixed = config::restart_needed(parts_.config, loaded->config);
    if (!fixed.empty())
        return refuse("what differs here holds from a start of tandemd on", fixed);
    const std::string done = "configuration read again: " + joined(reconfigure(loaded->config), "; ");
    parts_.journal.add(Severity::info, "config.reloaded", "", done);
    status_due_ = now();
    asio::post(disk_, [this, text = loaded->text] {
        if (const auto kept = parts_.source.keep(text); !kept)
            asio::post(io_, [this, why = kept.error()] {
                parts_.journal.add(Severity::warning, "config.not_kept", "",
                                   "a brain that begins anew will have the configuration of before: " + why);
            });
    });
    return Outcome::success({{"detail", done}});
}

/// What became of each part that can change, in words.
std::vector<std::string> Service::reconfigure(const config::Config& wanted) {
    std::vector<std::string> done;
    const auto [added, changed, removed] = checks_->reconfigure(wanted);
    done.push_back("checks: " + changes_text(added, changed, removed));
    mail_->reconfigure(wanted.email);
    done.push_back(wanted.email ? "mail: through " + wanted.email->server : "mail: none");
    traps_->reconfigure(wanted.snmp);
    actions_->reconfigure(wanted);
    done.push_back("actions: " + std::to_string(wanted.actions.lists.size()) + " lists");
    ledger_->reconfigure(wanted.ledger.journal);
    alarms_->reconfigure(wanted.ledger.alarm);
    return done;
}

} // namespace tandem::app
