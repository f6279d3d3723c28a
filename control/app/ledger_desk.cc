// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/ledger_desk.hh"

#include "control/app/clock.hh"

#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::app {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

constexpr ha::Duration sync_interval = std::chrono::seconds{1};
/// A disk that refused, a peer that did not answer: tried again after this.
constexpr ha::Duration retry_interval = std::chrono::seconds{5};
constexpr ha::Duration ask_again = std::chrono::seconds{1};
/// The clocks are compared at least so often.
constexpr ha::Duration compare_interval = std::chrono::seconds{60};
/// A disk that is busy for longer is not waited for by who asks.
constexpr ha::Duration disk_patience = std::chrono::seconds{2};
constexpr std::size_t written_max = 2000;
constexpr std::size_t shown_octets = 400UL * 1024;
constexpr std::size_t chunk_octets = 64UL * 1024;
/// A difference that may be the way's is none.
constexpr std::int64_t ahead_least_us = 1000;

std::uint32_t another_life(std::uint32_t life) {
    std::uint32_t next = life;
    while (next == life || next == 0)
        if (::getrandom(&next, sizeof next, 0) != sizeof next)
            next = life;
    return next;
}

/// To what a client may have waiting.
void shorten(ledger::Slice& events, ledger::From from) {
    auto& entries = events.entries;
    if (from == ledger::From::newest)
        std::ranges::reverse(entries);
    std::size_t octets = 0;
    std::size_t count = 0;
    while (count < entries.size() && octets < shown_octets)
        octets += to_line(*entries[count++]).size();
    events.more = events.more || count < entries.size();
    entries.resize(count);
    if (from == ledger::From::newest)
        std::ranges::reverse(entries);
}

std::optional<std::int64_t> integer_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    json::error_code error;
    if (value == nullptr || !value->is_number())
        return std::nullopt;
    const auto number = value->to_number<std::int64_t>(error);
    return error ? std::nullopt : std::optional{number};
}

} // namespace

LedgerDesk::LedgerDesk(asio::io_context& io, const config::Node& node,
                       const config::JournalSettings& settings, Journal& journal, LedgerStart start, Ask ask,
                       Heard heard)
    : io_(io)
    , node_(node.name)
    , node_id_(node.id)
    , kept_(settings.kept_in_memory)
    , journal_(journal)
    , ask_(std::move(ask))
    , heard_(std::move(heard))
    , own_{std::move(start.own),
           to_line(ledger::Mark{ledger::Mark::Kind::begins, start.boot}),
           {},
           {journal.recent().begin(), journal.recent().end()}}
    , peer_{std::move(start.peer), {}, {}, {}}
    , peer_last_(start.peer_last) {}

void LedgerDesk::add(const ledger::EntryPtr& entry) {
    own_.pending.push_back(entry);
    trim(own_);
}

/// The disk is too slow, or refuses: the oldest are not written.
void LedgerDesk::trim(Book& book) {
    for (; book.pending.size() > kept_; ++book.lost)
        book.pending.pop_front();
}

void LedgerDesk::reconfigure(const config::JournalSettings& settings) {
    kept_ = settings.kept_in_memory;
    journal_.keep(kept_);
    while (peer_recent_.size() > kept_)
        peer_recent_.pop_front();
    asio::post(disk_, [this, size = std::uint64_t{settings.size_mb} << 20U] {
        own_.segments.resize(size);
        peer_.segments.resize(size);
    });
}

void LedgerDesk::on_disk(std::function<std::function<void()>()> work) {
    asio::post(disk_, [this, work = std::move(work)] { back_on_loop(work()); });
}

void LedgerDesk::back_on_loop(std::function<void()> then) {
    asio::post(io_, [alive = std::weak_ptr<int>{alive_}, then = std::move(then)] {
        if (!alive.expired())
            then();
    });
}

void LedgerDesk::tick(ha::Instant now, bool connected) {
    now_ = now;
    write(now);
    if (connected)
        send(now);
}

// ---- to the disk ----

/// On the disk's thread. Each chunk is written whole or not at all.
LedgerDesk::Written LedgerDesk::write_to(Book& book, const std::vector<ledger::EntryPtr>& batch, bool sync) {
    Written out;
    // At the end, what is being written has not been told of yet.
    const auto known = std::ranges::find(batch, book.written);
    const auto begin = known == batch.end() ? 0U : static_cast<std::size_t>(known - batch.begin()) + 1;
    std::string chunk = begin == batch.size() ? std::string{} : book.mark;
    for (std::size_t i = begin; i < batch.size(); ++i) {
        chunk += to_line(*batch[i]);
        if (chunk.size() < chunk_octets && i + 1 < batch.size())
            continue;
        if (auto written = book.segments.append(chunk); !written) {
            out.error = std::move(written.error());
            return out;
        }
        book.mark.clear();
        out.last = book.written = batch[i];
        chunk.clear();
    }
    if (sync)
        if (auto synced = book.segments.sync(); !synced)
            out.error = std::move(synced.error());
    return out;
}

void LedgerDesk::write(ha::Instant now) {
    const bool sync = unsynced_ && now - synced_at_ >= sync_interval;
    if (writing_ || now < write_due_ || (own_.pending.empty() && peer_.pending.empty() && !sync))
        return;
    writing_ = true;
    write_began_ = now;
    const auto first = [](const Book& book) {
        const auto count = static_cast<std::ptrdiff_t>(std::min(book.pending.size(), written_max));
        return std::vector<ledger::EntryPtr>{book.pending.begin(), book.pending.begin() + count};
    };
    unsynced_ = true;
    if (sync) {
        synced_at_ = now;
        unsynced_ = !own_.pending.empty() || !peer_.pending.empty();
    }
    asio::post(disk_, [this, own = first(own_), peer = first(peer_), sync] {
        const Written own_written = write_to(own_, own, sync);
        const Written peer_written = write_to(peer_, peer, sync);
        back_on_loop([this, own_written, peer_written] { on_written(own_written, peer_written); });
    });
}

void LedgerDesk::on_written(const Written& own, const Written& peer) {
    writing_ = false;
    const auto done = [](Book& book, const ledger::EntryPtr& last) {
        // What had to make room meanwhile stood at the front.
        const auto found = std::ranges::find(book.pending, last);
        if (last != nullptr && found != book.pending.end())
            book.pending.erase(book.pending.begin(), found + 1);
    };
    done(own_, own.last);
    done(peer_, peer.last);
    const std::string& error = own.error.empty() ? peer.error : own.error;
    const std::string before = std::exchange(not_kept_, error);
    if (!error.empty()) {
        write_due_ = now_ + retry_interval;
        if (!before.empty())
            return;
        journal_.begin_life(another_life(journal_.life()));
        journal_.add(Severity::error, "journal.not_kept", "",
                     error + " (events go on in memory, within a bound)");
    } else if (!before.empty()) {
        journal_.add(Severity::info, "journal.kept", "", "events are on disk again",
                     {{"lost", std::exchange(own_.lost, 0)}, {"lost_of_peer", std::exchange(peer_.lost, 0)}});
    }
}

void LedgerDesk::finish() {
    asio::post(disk_, [this] {
        const Written written = write_to(own_, {own_.pending.begin(), own_.pending.end()}, false);
        write_to(peer_, {peer_.pending.begin(), peer_.pending.end()}, true);
        if (written.error.empty() &&
            own_.segments.append(to_line(ledger::Mark{ledger::Mark::Kind::ended, {}})))
            (void)own_.segments.sync();
    });
    disk_.join();
}

// ---- to the peer ----

/// Only what a restart would find again, under the same number.
bool LedgerDesk::may_send(const JournalEntry& entry) const {
    if (!not_kept_.empty() && entry.life == journal_.life())
        return true; // its numbers are not given again
    return own_.pending.empty() || entry.life != own_.pending.front()->life ||
           entry.sequence < own_.pending.front()->sequence;
}

void LedgerDesk::send(ha::Instant now) {
    if (sending_ || now < send_due_)
        return;
    if (!peer_has_)
        return send_batch({});
    const auto& known = journal_.recent();
    if (known.empty() || position_of(*known.back()) == *peer_has_)
        return now - sent_at_ >= compare_interval ? send_batch({}) : void();
    std::vector<ledger::EntryPtr> recent{known.begin(), known.end()};
    if (const auto begin = ledger::index_after(recent, *peer_has_)) {
        std::vector<ledger::EntryPtr> entries;
        std::size_t octets = 0;
        for (std::size_t i = *begin; i < recent.size() && entries.size() < batch_max; ++i) {
            if (!may_send(*recent[i])) {
                if (not_kept_.empty())
                    break; // it will be on disk in a moment
                continue;  // it never will be, under that number
            }
            octets += to_line(*recent[i]).size();
            if (!entries.empty() && octets > batch_octets)
                break;
            entries.push_back(recent[i]);
        }
        return entries.empty() ? void() : send_batch(entries);
    }
    // The peer is further behind than memory reaches.
    sending_ = true;
    on_disk([this, recent = std::move(recent), after = *peer_has_]() -> std::function<void()> {
        auto slice = ledger::History{own_.segments, recent}.oldest({}, after, batch_max);
        std::size_t octets = 0;
        std::size_t count = 0;
        while (count < slice.entries.size() && (count == 0 || octets < batch_octets))
            octets += to_line(*slice.entries[count++]).size();
        slice.entries.resize(count);
        return [this, entries = std::move(slice.entries)] {
            sending_ = false;
            std::vector<ledger::EntryPtr> fit;
            for (const ledger::EntryPtr& entry : entries)
                if (may_send(*entry))
                    fit.push_back(entry);
                else if (not_kept_.empty())
                    break; // it will be on disk in a moment; otherwise it never will be, under that number
            if (!fit.empty())
                send_batch(fit);
        };
    });
}

void LedgerDesk::send_batch(std::span<const ledger::EntryPtr> entries) {
    json::array list;
    for (const ledger::EntryPtr& entry : entries)
        list.emplace_back(to_json(*entry));
    sending_ = true;
    sent_at_ = now_;
    ask_("journal.copy", {{"entries", std::move(list)}, {"node", node_}},
         [this, alive = std::weak_ptr<int>{alive_}, asked = wall_us()](const Outcome& outcome) {
             if (!alive.expired())
                 on_reply(outcome, asked);
         });
}

void LedgerDesk::on_reply(const Outcome& outcome, std::int64_t asked_us) {
    sending_ = false;
    const json::value* has = outcome.result.if_contains("have");
    const auto position = has != nullptr && has->is_string()
                              ? ledger::position_of(std::string_view{has->get_string()})
                              : std::nullopt;
    if (outcome.code != 0 || !position) {
        // A node of an older version does not know the question; the next session may be with a newer one.
        const bool unknown = outcome.message.find("there is no command") != std::string::npos;
        peer_has_.reset();
        send_due_ = now_ + (unknown ? compare_interval : ask_again);
        return;
    }
    peer_has_ = *position;
    if (const auto theirs = integer_at(outcome.result, "now_us")) {
        const std::int64_t here = wall_us();
        const std::int64_t ahead = *theirs - (asked_us + here) / 2;
        const std::int64_t doubt = std::max((here - asked_us) / 2, ahead_least_us);
        peer_ahead_us_ = ahead > doubt || ahead < -doubt ? ahead : 0;
    }
}

void LedgerDesk::take(const json::object& params, const Respond& respond) {
    const json::value* list = params.if_contains("entries");
    if (list == nullptr || !list->is_array() || list->get_array().size() > batch_max)
        return respond(Outcome::refused("these are no events"));
    if (peer_.pending.size() + list->get_array().size() > kept_)
        return respond(Outcome::refused("busy"));
    for (const json::value& value : list->get_array()) {
        auto entry = ledger::entry_of(value);
        if (!entry || entry->node_id == node_id_)
            continue; // of a newer version perhaps; the rest is of use
        const ledger::Position position = position_of(*entry);
        if (position.life == peer_last_.life && position.sequence <= peer_last_.sequence)
            continue;
        peer_last_ = position;
        entry->ahead_us = peer_ahead_us_;
        peer_recent_.push_back(std::make_shared<const JournalEntry>(std::move(*entry)));
        peer_.pending.push_back(peer_recent_.back());
        if (peer_recent_.size() > kept_)
            peer_recent_.pop_front();
        heard_(*peer_recent_.back());
    }
    respond(Outcome::success({{"have", to_string(peer_last_)}, {"now_us", wall_us()}}));
}

// ---- to whoever asks ----

LedgerDesk::Answer LedgerDesk::look(ledger::Segments& own_disk, ledger::Segments& peer_disk,
                                    const Recent& recent, const Query& query) const {
    const auto slice_of = [&](ledger::Segments& segments, const std::vector<ledger::EntryPtr>& entries,
                              const std::optional<ledger::Position>& after) {
        ledger::History history{segments, entries};
        return query.from == ledger::From::newest ? history.newest(query.filter, query.limit)
                                                  : history.oldest(query.filter, after, query.limit);
    };
    std::array<ledger::Slice, 2> slices;
    if (query.node.empty() || query.node == node_)
        slices[0] = slice_of(own_disk, recent.own, query.after_own);
    if (query.node != node_)
        slices[1] = slice_of(peer_disk, recent.peer, query.after_peer);
    if (!query.node.empty()) // somebody else's name is nobody's
        std::erase_if(slices[1].entries,
                      [&](const ledger::EntryPtr& entry) { return entry->node != query.node; });
    ledger::Slice events = ledger::merge(slices, query.limit, query.from);
    shorten(events, query.from);
    Answer out{std::move(events), query.after_own.value_or(ledger::Position{}),
               query.after_peer.value_or(ledger::Position{})};
    for (const ledger::EntryPtr& entry : out.events.entries)
        (entry->node_id == node_id_ ? out.own : out.peer) = position_of(*entry);
    return out;
}

void LedgerDesk::ask(Query query, std::function<void(Answer)> answer) {
    Recent recent{{journal_.recent().begin(), journal_.recent().end()},
                  {peer_recent_.begin(), peer_recent_.end()}};
    if (writing_ && now_ - write_began_ >= disk_patience) { // it hangs: what is in memory
        ledger::Segments none{{}};
        return answer(look(none, none, recent, query));
    }
    on_disk([this, recent = std::move(recent), query = std::move(query),
             answer = std::move(answer)]() -> std::function<void()> {
        return [answer, out = look(own_.segments, peer_.segments, recent, query)] { answer(out); };
    });
}

} // namespace tandem::app
