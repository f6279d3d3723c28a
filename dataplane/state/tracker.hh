// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the engines tell of each SIP message that goes on its way: registrations, dialogs, calls.
//
// Problem: three tables want to know the same fields of the same message, each engine has the same messages,
// and where there are many records, none of them is near the processor when its message comes. Idea: each
// message is read once; of several messages, those behind one are read while what its records lie in is asked
// for in steps. Deliberately absent: deciding which messages count (the engine calls for those that are
// passed on), files (shared_tracker.hh), time other than as an argument.

#include "dataplane/state/calls.hh"
#include "dataplane/state/dialogs.hh"
#include "dataplane/state/registrations.hh"
#include "dataplane/table/soon.hh"
#include "dataplane/wire/sip_marks.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tandem::state {

/// How a message came to be seen.
enum class Way : std::uint8_t {
    served,      ///< from outside, and the server of this node gets it
    mirrored,    ///< the shadow server gets it: what it begins is no call of this node
    from_server, ///< the server sends it (appliance mode)
};

struct TrackedMessage {
    Origin origin; ///< of its packet
    Way way{Way::served};
    std::string_view text; ///< as it came
};

class Tracker {
public:
    struct Limits {
        Registrations::Limits registrations;
        Dialogs::Limits dialogs;
        std::size_t calls{65'536}; ///< a power of two
    };
    /// Of Registrations::octets() and Dialogs::octets(), all zero.
    struct Memory {
        std::span<std::byte> registrations;
        std::span<std::byte> dialogs;
    };
    /// Limits for so many registrations and dialogs with messages of ordinary size.
    static Limits limits_for(std::size_t registrations, std::size_t dialogs);

    Tracker(const Memory& memory, const Limits& limits, std::uint64_t seed);

    /// Takes a message. `now` never goes back. What cannot be read, as RFC 3261 wants it, is counted only.
    void see(Instant now, const TrackedMessage& message) { see(now, {&message, 1}); }
    /// The same for several, in their order; their texts stay where they are meanwhile. `soon`: what is
    /// worked on next is asked for between the messages.
    void see(Instant now, std::span<const TrackedMessage> messages, table::Soon* soon = nullptr);

    /// Forgets what is over; a bounded part of the tables at a time, so call it in every turn.
    void sweep(Instant now);

    /// Forgets the calls of a group: it is served elsewhere now.
    void clear_calls(std::size_t group) { calls_.clear(group); }
    /// Calls in progress.
    std::size_t calls(std::size_t group) const { return calls_.count(group); }

    const Registrations& registrations() const { return registrations_; }
    const Dialogs& dialogs() const { return dialogs_; }
    /// Messages that were passed on although they could not be read.
    std::uint64_t unread() const { return unread_; }

private:
    // Where there are many records: how many messages are read between one step of a message and its reading.
    // Reading one takes about as long as memory needs to answer.
    static constexpr std::size_t texts_ahead = 2;    ///< its text is brought
    static constexpr std::size_t records_behind = 2; ///< what its keys lead to is asked for
    static constexpr std::size_t texts_behind = 4;   ///< and the texts of those records
    static constexpr std::size_t apply_behind = 7;   ///< the tables see it
    /// So few records with their texts stay near by themselves.
    static constexpr std::size_t near_records = 1024;

    /// What is known of a message before its records are touched.
    struct Read {
        enum class Kind : std::uint8_t { nothing, registration, call } kind{Kind::nothing};
        wire::SipMessage message;
        Registrations::Asked registration;
        Dialogs::Asked dialog;
        std::uint64_t call{0};
        Registrations::Index binding{Dialogs::none};
        Dialogs::Places dialogs;
        std::size_t fresh{0}; ///< see fetch_texts()
    };
    void see_in_turn(Instant now, std::span<const TrackedMessage> messages, table::Soon* soon);
    void see_overlapped(Instant now, std::span<const TrackedMessage> messages, table::Soon* soon);
    void read(const TrackedMessage& message, Read& into);
    void fetch_buckets(const TrackedMessage& message, const Read& read) const;
    void fetch_records(Read& read) const;
    std::size_t fetch_texts(Instant now, const TrackedMessage& message, Read& read, std::size_t fresh) const;
    void apply(Instant now, const TrackedMessage& message, const Read& read);

    Registrations registrations_;
    Dialogs dialogs_;
    Calls calls_;
    std::uint64_t unread_{0};
    wire::SipScanner scanner_;
    wire::SipMarks marks_;
    std::array<Read, 8> reads_;
    static_assert(apply_behind < 8);
};

} // namespace tandem::state
