// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Which calls are up, and how they are routed (RFC 3261 section 12), from the messages that pass by.
//
// Problem: after a takeover an operator wants to know which calls there were, and the new server what it
// needs to end them: tags, CSeq numbers, targets, route set. Idea: one record for each INVITE dialog, found
// by Call-ID and the two tags in either order, since requests go both ways. An INVITE begins one as `trying`;
// a provisional answer with a tag makes it `early`, a 2xx or the ACK to one `confirmed`; a failure or a BYE
// ends it. Where only requests from outside are seen (host mode), the ACK tells: with the INVITE's branch it
// answers a failure (section 17.1.1.3), with another a 2xx (section 13.2.2.4). What is known only from its
// middle is taken as it is. Deliberately absent: subscriptions, media, early dialogs that nobody answers
// (they age).

#include "dataplane/table/aged_table.hh"
#include "dataplane/table/text_records.hh"
#include "dataplane/wire/address.hh"
#include "dataplane/wire/sip.hh"

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace tandem::state {

using table::Instant;

enum class DialogState : std::uint8_t { trying, early, confirmed };

struct DialogCounts {
    std::uint64_t begun{0};
    std::uint64_t confirmed{0};
    std::uint64_t failed{0};  ///< ended before they were confirmed
    std::uint64_t ended{0};   ///< by a BYE
    std::uint64_t expired{0}; ///< without a word for too long
    std::uint64_t evicted{0}; ///< for want of room
};

class Dialogs {
public:
    /// What a record has besides its text. Times: CLOCK_MONOTONIC of this node.
    struct Dialog {
        std::int64_t since_ns{0}; ///< when it came into its state
        std::int64_t seen_ns{0};
        std::uint64_t branch{0}; ///< a hash: of the INVITE
        std::uint64_t caller{0}; ///< a hash: the caller's tag
        std::uint32_t caller_cseq{0};
        std::uint32_t callee_cseq{0}; ///< 0: has sent no request
        std::uint16_t port{0};
        std::uint8_t group{0};
        DialogState state{DialogState::trying};
        wire::IpAddress source; ///< of the first message
    };
    using Records = table::TextRecords<Dialog>;

    struct Limits {
        std::size_t dialogs{100'000};
        std::size_t chunks{600'000};
    };
    static constexpr std::uint32_t none = 0xffffffffU;
    static constexpr std::chrono::minutes trying_max{
        4}; ///< RFC 3261 section 16.6: timer C, more than 3 minutes
    static constexpr std::chrono::hours silent_max{4};
    /// Of what was heard of so shortly before, it does not matter which is older.
    static constexpr std::chrono::seconds age_slack{1};

    static constexpr std::size_t octets(const Limits& limits) {
        return Records::octets(limits.dialogs, limits.chunks);
    }
    /// `memory`: octets(limits), aligned for 8 octets, all zero, outlives this object. `seed`: random.
    Dialogs(std::span<std::byte> memory, const Limits& limits, std::uint64_t seed);

    using Index = std::uint32_t;
    /// What a message is looked up by; hashes.
    struct Asked {
        std::uint64_t call{0}; ///< of Call-ID and group
        std::uint64_t from{0}; ///< of the tags
        std::uint64_t to{0};
    };
    /// Where a message will be looked for.
    struct Places {
        Index trying{none};
        Index known{none};
    };
    Asked ask(std::uint8_t group, const wire::SipMessage& message) const;
    // What see() is going to touch, asked for ahead, each step from what the one before has brought.
    void fetch_buckets(const Asked& asked) const;
    Places fetch_entries(const Asked& asked) const;
    void fetch_records(const Places& places) const;
    void fetch_texts(Instant now, const Places& places, const wire::SipMessage& message) const;

    /// Takes a message that was read by parse_sip() or extract_sip(), seen in either direction; `source` and
    /// `port` are those of its packet. `now` never goes back.
    void see(Instant now, std::uint8_t group, const wire::IpAddress& source, std::uint16_t port,
             const wire::SipMessage& message) {
        see(now, group, source, port, message, ask(group, message));
    }
    /// The same with what ask() has said of it.
    void see(Instant now, std::uint8_t group, const wire::IpAddress& source, std::uint16_t port,
             const wire::SipMessage& message, const Asked& asked);

    /// Removes what has been silent for too long; a bounded number at a time.
    void sweep(Instant now);

    std::size_t size() const { return index_.size(); }
    /// Records from here on were never used.
    std::size_t reach() const { return reach_; }
    const DialogCounts& counts() const { return counts_; }
    const Records& records() const { return records_; }

private:
    struct Key {
        std::uint64_t call{0}; ///< hash of Call-ID and group
        std::uint64_t tags{0}; ///< of both tags, whichever comes first; of the caller's alone while trying
        bool operator==(const Key&) const = default;
    };
    struct Nothing {};
    static constexpr std::size_t unconfirmed = 0;
    static constexpr std::size_t confirmed = 1;
    using Table = table::AgedTable<Key, Nothing, 2>;
    static_assert(std::is_same_v<Index, Table::Index> && none == Table::none);

    struct Seen;
    std::uint64_t hash(std::string_view text) const;
    static Key trying_key(const Asked& asked) { return {asked.call, asked.from}; }
    static Key full_key(const Asked& asked) { return {asked.call, asked.from + asked.to}; }
    static std::uint64_t place(const Key& key) { return key.call ^ std::rotl(key.tags, 32); }
    Index find(const Key& key) const;
    void on_invite(const Seen& seen);
    void on_answer(const Seen& seen);
    void on_ack(const Seen& seen);
    void on_bye(const Seen& seen);
    void on_other(const Seen& seen);
    void enter(const Seen& seen, const Key& key, DialogState state, const Dialog* from);
    bool write(Index index, const Dialog& dialog, const wire::SipMessage& message);
    void count_request(const Seen& seen, Index index);
    void remove(Index index);

    std::uint64_t seed_;
    Records records_;
    Table index_;
    DialogCounts counts_;
    std::size_t reach_{0};
};

/// The text of a dialog's record, field by field, as the messages had them; views point into the text.
struct DialogText {
    std::string_view call_id;
    std::string_view caller; ///< URI
    std::string_view callee; ///< URI
    std::string_view caller_tag;
    std::string_view callee_tag; ///< empty while trying
    std::string_view target;     ///< Contact of whoever sent the message that the record was made from
    std::string_view route_set;  ///< Record-Route values, one a line
};
/// Nothing when the text is not one of a record.
std::optional<DialogText> read_dialog_text(std::string_view text) noexcept;

} // namespace tandem::state
