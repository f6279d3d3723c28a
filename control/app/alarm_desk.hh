// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The alarms of both nodes, as operators see and treat them.
//
// The own ones live in a table; it is kept on disk, and told to the peer whenever it has changed. Of the
// peer's, what it told last is shown, with its age while it cannot be heard. Whoever acknowledges or clears
// does so where the alarm lives. Everything on the service's loop. Deliberately absent: conditions
// (alarms.hh), when an alarm ends (control/ledger).

#include "control/app/journal.hh"
#include "control/app/ledger_desk.hh"
#include "control/ledger/alarm_table.hh"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::app {

class AlarmDesk {
public:
    /// `journal` and `ledger` outlive it. `saved`: as `alarm_file` had it.
    AlarmDesk(const config::Node& node, config::AlarmSettings settings, Journal& journal, LedgerDesk& ledger,
              LedgerDesk::Ask ask, const ledger::Moment& now, const boost::json::object& saved);

    /// Called with everything that is raised, ends or is cleared, after the journal has it.
    void on_change(std::function<void(const ledger::AlarmChange&)> listener) {
        listener_ = std::move(listener);
    }
    /// All that holds now. Whether anything has changed.
    bool update(const ledger::Moment& now, std::vector<ledger::Condition> present);
    /// Keeps and tells what has changed. Call it often.
    void tick(const ledger::Moment& now, bool connected);
    void peer_changed() {
        told_.reset();
        tell_due_ = {};
    }
    const std::vector<ledger::Alarm>& alarms() const { return table_.alarms(); }
    void reconfigure(config::AlarmSettings settings) { table_.reconfigure(std::move(settings)); }
    /// The last word before the end. Waits for the disk.
    void finish();

    /// Both nodes', this one's first.
    boost::json::object list() const;
    /// `alarms.ack`, `alarms.clear`: `id`, of the first also `all`, and `note`. `by`: who asks.
    void treat(const std::string& method, const boost::json::object& params, const std::string& by,
               Respond respond);
    /// `alarms.table`, and the above with `by`, from the peer.
    void on_peer(const std::string& method, const boost::json::object& params, const Respond& respond);

private:
    void tell(const ledger::AlarmChange& change);
    void acknowledge_all(const std::string& by, const std::string& note, const Respond& respond);
    Outcome treat_own(const std::string& method, std::uint32_t number, const std::string& by,
                      const std::string& note);
    std::string file_text() const;

    unsigned node_id_;
    std::string node_;
    std::string file_;
    Journal& journal_;
    LedgerDesk& ledger_;
    LedgerDesk::Ask ask_;
    ledger::AlarmTable table_;
    std::function<void(const ledger::AlarmChange&)> listener_;
    ledger::Moment now_;
    std::uint64_t saved_{0}; ///< version on disk
    bool saving_{false};
    ha::Instant save_due_{};
    std::optional<std::uint64_t> told_; ///< version that the peer has
    bool telling_{false};
    ha::Instant tell_due_{};
    bool connected_{false};
    boost::json::array peer_;                             ///< the peer's, as it told them
    std::string peer_name_;                               ///< empty: it never told any
    std::int64_t peer_heard_us_{0};                       ///< when it could be heard last
    std::shared_ptr<int> alive_{std::make_shared<int>()}; ///< answers that come later find nobody
    bool peer_current_{false};                            ///< it has told them since the stream came up
};

} // namespace tandem::app
