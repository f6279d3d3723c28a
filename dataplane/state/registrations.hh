// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Who is registered, from the REGISTER requests that pass by (RFC 3261 section 10.3).
//
// Problem: the standby must be given every binding, an operator wants to see them, and one node sees a
// million of them. Idea: one record for each contact of an address-of-record, with the REGISTER as the phone
// sent it; everything else is read out of that text again when somebody asks. Records lie in memory that
// readers map. The order of requests is kept (Call-ID and CSeq), bindings end when they say so or time is up,
// and a full table gives up the one that was refreshed longest ago. A request is all that is seen in host
// mode, so a binding is known from the request on; one that is challenged is replaced by its repetition with
// credentials, which has the same contact. Deliberately absent: authentication, the registrar's own limits,
// GRUU, outbound flows.

#include "dataplane/table/aged_table.hh"
#include "dataplane/table/text_records.hh"
#include "dataplane/wire/address.hh"
#include "dataplane/wire/sip.hh"

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace tandem::state {

using table::Instant;

/// Where a REGISTER came from.
struct Origin {
    wire::IpAddress source;
    std::uint16_t port{0};
    std::uint8_t group{0};
};

struct RegistrationCounts {
    std::uint64_t added{0};
    std::uint64_t refreshed{0};
    std::uint64_t removed{0}; ///< by their own word
    std::uint64_t expired{0};
    std::uint64_t evicted{0};  ///< for want of room
    std::uint64_t outdated{0}; ///< requests older than what is known; ignored
};

class Registrations {
public:
    /// What a record has besides the REGISTER. Times: CLOCK_MONOTONIC of this node.
    struct Binding {
        std::int64_t expires_ns{0};
        std::int64_t seen_ns{0};  ///< when the request came
        std::uint64_t call_id{0}; ///< a hash
        std::uint32_t cseq{0};
        std::uint16_t port{0};
        std::uint8_t group{0};
        std::uint8_t contact{0}; ///< which of the contacts in the text this is
        wire::IpAddress source;
    };
    using Records = table::TextRecords<Binding>;

    using Index = std::uint32_t;

    struct Limits {
        std::size_t bindings{1'000'000};
        std::size_t chunks{7'000'000}; ///< of Records::chunk_octets; the REGISTERs lie in them
    };
    static constexpr std::uint32_t expires_default =
        3600; ///< RFC 3261 section 10.2.1.1: the registrar decides
    static constexpr std::uint32_t expires_max = 7 * 24 * 3600; ///< a longer one counts as that
    /// Of what was heard of so shortly before, it does not matter which is older.
    static constexpr std::chrono::seconds age_slack{1};

    static constexpr std::size_t octets(const Limits& limits) {
        return Records::octets(limits.bindings, limits.chunks);
    }
    /// `memory`: octets(limits), aligned for 8 octets, all zero, outlives this object. `seed`: random, so
    /// that nobody can choose colliding addresses.
    Registrations(std::span<std::byte> memory, const Limits& limits, std::uint64_t seed);

    /// What a message is looked up by.
    struct Asked {
        std::uint64_t record{0};  ///< hash of the address-of-record and the group
        std::uint64_t call{0};    ///< of the Call-ID
        std::uint64_t contact{0}; ///< of the first contact's URI
    };
    Asked ask(std::uint8_t group, const wire::SipMessage& message) const;
    // What see() is going to touch, asked for ahead, each step from what the one before has brought.
    void fetch_buckets(const Asked& asked) const;
    Index fetch_entry(const Asked& asked) const;
    void fetch_record(Index index) const;
    /// `cseq`: of the request. What is older than what is known needs no more.
    void fetch_text(Instant now, Index index, const Asked& asked, std::uint32_t cseq) const;
    /// For a new binding that comes behind so many octets of other new ones.
    void fetch_fresh(std::size_t ahead, std::size_t length) const { records_.fetch_fresh(ahead, length); }

    /// Takes a REGISTER request that was read by parse_sip() or extract_sip() from `text`. `now` never goes
    /// back. Other messages change nothing.
    void see(Instant now, const Origin& origin, const wire::SipMessage& message, std::string_view text) {
        see(now, origin, message, text, ask(origin.group, message));
    }
    /// The same with what ask() has said of it.
    void see(Instant now, const Origin& origin, const wire::SipMessage& message, std::string_view text,
             const Asked& asked);

    /// Removes what has expired; looks at a bounded part of the table, so call it often.
    void sweep(Instant now);

    std::size_t size() const { return index_.size(); }
    /// Records from here on were never used.
    std::size_t reach() const { return reach_; }
    const RegistrationCounts& counts() const { return counts_; }
    const Records& records() const { return records_; }

private:
    struct Key {
        std::uint64_t record{0};  ///< hash of the address-of-record and the group
        std::uint64_t contact{0}; ///< hash of the contact's URI
        bool operator==(const Key&) const = default;
    };
    /// Bindings of one address-of-record are linked.
    struct Links {
        std::uint32_t next{0xffffffffU};
        std::uint32_t before{0xffffffffU};
    };
    using Table = table::AgedTable<Key, Links>;
    static_assert(std::is_same_v<Index, Table::Index>);

    std::uint64_t record_of(std::uint8_t group, std::string_view uri) const;
    static std::uint64_t place(const Key& key) { return key.record ^ std::rotl(key.contact, 32); }
    void bind(Instant now, const Origin& origin, const wire::SipMessage& message, std::string_view text,
              const Asked& asked, std::size_t contact);
    void remove_all(std::uint64_t record, std::uint64_t call_id, std::uint32_t cseq);
    void remove(Index index);
    bool is_outdated(Index index, std::uint64_t call_id, std::uint32_t cseq) const;
    bool make_room(Index keep, std::size_t length);
    std::uint32_t& head(std::uint64_t record) { return heads_[record & (heads_.size() - 1)]; }

    std::uint64_t seed_;
    Records records_;
    Table index_;
    table::LargeVector<Index> heads_; ///< first binding, by address-of-record
    RegistrationCounts counts_;
    std::size_t reach_{0};
    std::size_t swept_{0};
};

/// The part of a SIP URI that names a user at a domain: without scheme, password, parameters and headers (RFC
/// 3261 section 10.3, step 5). The views point into `uri`.
struct AddressOfRecord {
    std::string_view user;
    std::string_view host; ///< with its port, as it came
};
AddressOfRecord address_of_record(std::string_view uri) noexcept;

} // namespace tandem::state
