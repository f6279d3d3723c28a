// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The events of both nodes: written to disk, copied to the peer, shown.
//
// Problem: an event must survive this process, this machine and this disk, and nothing may wait for any of
// them. Idea: the loop gathers events, a thread of its own writes them in batches, and what is written is
// sent to the peer, one batch at a time, each answered with how far it has come. So whatever breaks, each
// side knows where to go on, and a storm of events costs the stream no more than one batch. What a disk
// refuses is kept in memory within a bound and tried again; meanwhile numbers go on in another life, since a
// restart would give them once more. Deliberately absent: the form of files and lines (control/ledger).

#include "control/app/journal.hh"
#include "control/app/ledger_start.hh"
#include "control/app/peer_line.hh"
#include "control/ledger/history.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json/object.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::app {

class LedgerDesk {
public:
    /// As many are shown in one answer.
    static constexpr std::size_t shown_max = 1000;
    /// And sent to the peer in one message, within these octets.
    static constexpr std::size_t batch_max = 200;
    static constexpr std::size_t batch_octets = 128UL * 1024;

    /// `ask`: asks the peer, as PeerLine::ask().
    using Ask = std::function<void(const std::string& method, boost::json::object params, Respond)>;
    /// Of each new entry of the peer.
    using Heard = std::function<void(const JournalEntry&)>;

    /// Makes its thread, which has the priority of the one that calls. `journal` outlives it.
    LedgerDesk(boost::asio::io_context& io, const config::Node& node, const config::JournalSettings& settings,
               Journal& journal, LedgerStart start, Ask ask, Heard heard);

    /// A new entry of this node.
    void add(const ledger::EntryPtr& entry);
    /// Writes and sends what there is. Call it often.
    void tick(ha::Instant now, bool connected);
    /// A stream to the peer has come up: what it has is asked anew.
    void peer_changed() {
        peer_has_.reset();
        send_due_ = {};
    }
    /// The peer sends entries.
    void take(const boost::json::object& params, const Respond& respond);
    /// The disk has something to write and is not done yet.
    bool writing() const { return writing_; }
    /// Why the journal is not on disk; empty: it is.
    const std::string& not_kept() const { return not_kept_; }
    void reconfigure(const config::JournalSettings& settings);
    /// The last word: writes what is left and says that nothing follows. Waits for the disk.
    void finish();

    struct Query {
        ledger::Filter filter{};
        std::string node{};                          ///< empty: both
        std::optional<ledger::Position> after_own{}; ///< going on behind these
        std::optional<ledger::Position> after_peer{};
        std::size_t limit{shown_max};
        ledger::From from{ledger::From::oldest};
    };
    struct Answer {
        ledger::Slice events;
        ledger::Position own; ///< how far this has come in each list
        ledger::Position peer;
    };
    /// `answer` is called on the loop, now or when the disk was read.
    void ask(Query query, std::function<void(Answer)> answer);

    /// Runs `work` on the disk's thread, then what it gives on the loop.
    void on_disk(std::function<std::function<void()>()> work);

private:
    /// One node's list on its way to the disk.
    struct Book {
        ledger::Segments segments; ///< the disk's thread alone touches it
        std::string mark;          ///< a line that goes ahead of the next entry; likewise
        ledger::EntryPtr written;  ///< the newest; likewise
        std::deque<ledger::EntryPtr> pending;
        std::uint64_t lost{0}; ///< that could not wait any longer
    };
    struct Written {
        ledger::EntryPtr last; ///< null: none
        std::string error;
    };
    /// From the disk's thread: nothing happens when this object is gone by then.
    void back_on_loop(std::function<void()> then);
    static Written write_to(Book& book, const std::vector<ledger::EntryPtr>& batch, bool sync);
    void write(ha::Instant now);
    void on_written(const Written& own, const Written& peer);
    void trim(Book& book);
    void send(ha::Instant now);
    void send_batch(std::span<const ledger::EntryPtr> entries);
    void on_reply(const Outcome& outcome, std::int64_t asked_us);
    /// What is in memory.
    struct Recent {
        std::vector<ledger::EntryPtr> own;
        std::vector<ledger::EntryPtr> peer;
    };
    Answer look(ledger::Segments& own_disk, ledger::Segments& peer_disk, const Recent& recent,
                const Query& query) const;
    bool may_send(const JournalEntry& entry) const;

    boost::asio::io_context& io_;
    std::string node_;
    std::uint8_t node_id_;
    std::size_t kept_;
    Journal& journal_;
    Ask ask_;
    Heard heard_;
    Book own_;
    Book peer_;
    std::deque<ledger::EntryPtr> peer_recent_;
    ledger::Position peer_last_; ///< of what the peer sent
    std::string not_kept_;
    bool writing_{false};
    bool unsynced_{false};
    ha::Instant synced_at_{};
    ha::Instant write_due_{};
    ha::Instant write_began_{};
    std::optional<ledger::Position> peer_has_; ///< of ours; nothing: not known yet
    bool sending_{false};
    ha::Instant send_due_{};
    ha::Instant sent_at_{};
    ha::Instant now_{};
    std::int64_t peer_ahead_us_{0}; ///< its wall clock against ours
    std::shared_ptr<int> alive_{std::make_shared<int>()};
    boost::asio::thread_pool disk_{1}; ///< last: its thread uses the others
};

} // namespace tandem::app
