// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/registrations.hh"

#include <emmintrin.h>

#include <algorithm>
#include <bit>

namespace tandem::state {
namespace {

std::int64_t to_ns(Instant at) {
    return at.time_since_epoch().count();
}

/// Where the octets that part a URI are; a bit for each.
struct UriMarks {
    std::uint64_t colons{0};
    std::uint64_t ats{0};
    std::uint64_t ends{0}; ///< ; and ?
};

constexpr std::size_t part = sizeof(__m128i);

/// Of `part` to 64 octets. The last ones may be looked at twice.
[[gnu::always_inline]] inline UriMarks marks_of(std::string_view uri) noexcept {
    UriMarks marks;
    for (std::size_t next = 0; next < uri.size(); next += part) {
        const std::size_t at = std::min(next, uri.size() - part);
        const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(uri.data() + at));
        const auto same = [&](char c) { return _mm_cmpeq_epi8(octets, _mm_set1_epi8(c)); };
        const auto bits = [&](__m128i equal) {
            return static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(equal))) << at;
        };
        marks.colons |= bits(same(':'));
        marks.ats |= bits(same('@'));
        marks.ends |= bits(_mm_or_si128(same(';'), same('?')));
    }
    return marks;
}

/// The lowest bit of `bits` and those below it; of none, all.
constexpr std::uint64_t through_first(std::uint64_t bits) {
    return bits ^ (bits - 1);
}

/// Where the lowest bit is, or else `none`.
constexpr std::size_t first_of(std::uint64_t bits, std::size_t none) {
    return bits != 0 ? static_cast<std::size_t>(std::countr_zero(bits)) : none;
}

/// The parts of a URI of `part` to 64 octets, all octets looked at once.
[[gnu::always_inline]] inline AddressOfRecord parts_of(std::string_view uri) noexcept {
    const UriMarks marks = marks_of(uri);
    std::size_t begin = 0;
    std::uint64_t behind = ~std::uint64_t{0}; // what has not been taken yet
    if (marks.colons != 0) {
        begin = first_of(marks.colons, 0) + 1;
        behind = ~through_first(marks.colons);
    }
    AddressOfRecord found;
    // A user part may contain ; and ?, so the @ is looked for first (RFC 3261 section 25.1).
    if (const std::uint64_t ats = marks.ats & behind; ats != 0) {
        const std::size_t at = first_of(ats, 0);
        const std::size_t end = first_of(marks.colons & behind & through_first(ats), at);
        found.user = {uri.data() + begin, end - begin};
        begin = at + 1;
        behind = ~through_first(ats);
    }
    found.host = {uri.data() + begin, first_of(marks.ends & behind, uri.size()) - begin};
    return found;
}

/// The same of a URI of any length.
AddressOfRecord parts_of_any(std::string_view uri) noexcept {
    if (const auto colon = uri.find(':'); colon != std::string_view::npos)
        uri.remove_prefix(colon + 1);
    AddressOfRecord found;
    if (const auto at = uri.find('@'); at != std::string_view::npos) {
        found.user = uri.substr(0, at);
        found.user = found.user.substr(0, found.user.find(':'));
        uri.remove_prefix(at + 1);
    }
    found.host = uri.substr(0, uri.find_first_of(";?"));
    return found;
}

[[gnu::always_inline]] inline AddressOfRecord address_of(std::string_view uri) noexcept {
    return uri.size() >= part && uri.size() <= 64 ? parts_of(uri) : parts_of_any(uri);
}

} // namespace

AddressOfRecord address_of_record(std::string_view uri) noexcept {
    return address_of(uri);
}

Registrations::Registrations(std::span<std::byte> memory, const Limits& limits, std::uint64_t seed)
    : seed_(seed)
    , records_(memory, limits.bindings, limits.chunks)
    , index_(limits.bindings)
    , heads_(std::bit_ceil(limits.bindings), Table::none) {}

std::uint64_t Registrations::record_of(std::uint8_t group, std::string_view uri) const {
    constexpr std::size_t host_max = 256; // a domain name has fewer; of a longer one the beginning counts
    const AddressOfRecord address = address_of(uri);
    return table::SeededHash{seed_}
        .add(group)
        .add(address.user)
        .add_lower(address.host.substr(0, host_max))
        .value();
}

Registrations::Asked Registrations::ask(std::uint8_t group, const wire::SipMessage& message) const {
    const auto contacts = message.contacts.values();
    return {record_of(group, message.to.uri), table::SeededHash{seed_}.add(message.call_id).value(),
            contacts.empty() ? 0 : table::SeededHash{seed_}.add(contacts.front().uri).value()};
}

void Registrations::fetch_buckets(const Asked& asked) const {
    index_.fetch_bucket(place({asked.record, asked.contact}));
}

Registrations::Index Registrations::fetch_entry(const Asked& asked) const {
    const Index index = index_.fetch_entry(place({asked.record, asked.contact}));
    if (index == Table::none)
        table::fetch(&heads_[asked.record & (heads_.size() - 1)]);
    return index;
}

void Registrations::fetch_record(Index index) const {
    if (index != Table::none)
        records_.fetch(index);
}

void Registrations::fetch_text(Instant now, Index index, const Asked& asked, std::uint32_t cseq) const {
    if (index == Table::none || is_outdated(index, asked.call, cseq))
        return;
    if (!index_.is_recent(now, index, age_slack))
        index_.fetch_neighbours(index);
    records_.fetch_text(index);
}

void Registrations::see(Instant now, const Origin& origin, const wire::SipMessage& message,
                        std::string_view text, const Asked& asked) {
    if (message.kind != wire::SipKind::request || message.method != wire::SipMethod::register_)
        return;
    if (message.contacts.wildcard) {
        // RFC 3261 section 10.2.2: `*` is for removing, and only with Expires: 0.
        if (message.expires == 0U)
            remove_all(asked.record, asked.call, message.cseq);
        return;
    }
    for (std::size_t i = 0; i < message.contacts.values().size(); ++i)
        bind(now, origin, message, text, asked, i);
}

/// RFC 3261 section 10.3 step 7: of one Call-ID only a higher CSeq counts.
bool Registrations::is_outdated(Index index, std::uint64_t call_id, std::uint32_t cseq) const {
    Binding known;
    return records_.own(index, known) && known.call_id == call_id && cseq < known.cseq;
}

void Registrations::bind(Instant now, const Origin& origin, const wire::SipMessage& message,
                         std::string_view text, const Asked& asked, std::size_t contact) {
    const wire::SipContact& said = message.contacts.values()[contact];
    const Key key{asked.record,
                  contact == 0 ? asked.contact : table::SeededHash{seed_}.add(said.uri).value()};
    const std::uint64_t hash = place(key);
    const std::uint32_t expires =
        std::min(said.expires.value_or(message.expires.value_or(expires_default)), expires_max);
    Index index = index_.find(key, hash);
    const bool known = index != Table::none;
    if (known && is_outdated(index, asked.call, message.cseq)) {
        ++counts_.outdated;
        return;
    }
    if (expires == 0) {
        if (known) {
            remove(index);
            ++counts_.removed;
        }
        return;
    }
    if (!known) {
        if (index_.full()) {
            remove(index_.oldest());
            ++counts_.evicted;
        }
        index = index_.add(now, key, hash);
        reach_ = std::max<std::size_t>(reach_, index + 1U);
        Index& first = head(asked.record);
        index_[index].next = first;
        if (first != Table::none)
            index_[first].before = index;
        first = index;
    } else {
        index_.touch(now, index, 0, age_slack);
    }
    const Binding binding{.expires_ns = to_ns(now + std::chrono::seconds{expires}),
                          .seen_ns = to_ns(now),
                          .call_id = asked.call,
                          .cseq = message.cseq,
                          .port = origin.port,
                          .group = origin.group,
                          .contact = static_cast<std::uint8_t>(contact),
                          .source = origin.source};
    if (!make_room(index, text.size())) {
        remove(index);
        ++counts_.evicted;
        return;
    }
    records_.write(index, binding, text);
    ++(known ? counts_.refreshed : counts_.added);
}

/// Gives up the oldest until the text finds room. False: it cannot.
bool Registrations::make_room(Index keep, std::size_t length) {
    while (!records_.has_room(keep, length)) {
        const Index oldest = index_.oldest();
        if (oldest == keep || length > Records::text_max)
            return false;
        remove(oldest);
        ++counts_.evicted;
    }
    return true;
}

void Registrations::remove_all(std::uint64_t record, std::uint64_t call_id, std::uint32_t cseq) {
    for (Index index = head(record); index != Table::none;) {
        const Index next = index_[index].next;
        if (index_.key(index).record == record && !is_outdated(index, call_id, cseq)) {
            remove(index);
            ++counts_.removed;
        }
        index = next;
    }
}

void Registrations::remove(Index index) {
    const Links links = index_[index];
    (links.before == Table::none ? head(index_.key(index).record) : index_[links.before].next) = links.next;
    if (links.next != Table::none)
        index_[links.next].before = links.before;
    records_.erase(index);
    index_.erase(index);
}

void Registrations::sweep(Instant now) {
    constexpr std::size_t bound = 64;
    for (std::size_t i = 0; i < std::min(bound, reach_); ++i) {
        const auto index = static_cast<Index>(swept_);
        swept_ = (swept_ + 1) % reach_;
        Binding binding;
        if (records_.own(index, binding) && binding.expires_ns <= to_ns(now)) {
            remove(index);
            ++counts_.expired;
        }
    }
}

} // namespace tandem::state
