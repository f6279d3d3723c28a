// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A table of things that anybody can bring into being: flows, streams, incomplete packets.
//
// Problem: it must be bounded, find its entries in constant time whatever a sender chooses, and give up the
// right ones when it is full, without allocating. Idea: entries live in one array made once; chains of
// indices lead to them by a seeded hash, and each stands in one of a few lists by age, so that the oldest of
// the least worth goes first. Deliberately absent: a policy (the owner decides what to give up), iterators,
// growth.

#include "dataplane/table/bring.hh"
#include "dataplane/table/large_pages.hh"
#include "dataplane/wire/address.hh"
#include "dataplane/wire/octets.hh"

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tandem::table {

/// A point of CLOCK_MONOTONIC.
using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using Duration = std::chrono::nanoseconds;

/// A hash of words that a sender can choose, keyed by a random seed that he does not know.
class SeededHash {
public:
    explicit constexpr SeededHash(std::uint64_t seed) noexcept
        : value_(seed ^ 0x9e3779b97f4a7c15ULL)
        , key_((seed ^ 0xd6e8feb86659fd93ULL) * 0x9e3779b97f4a7c15ULL) {}
    constexpr SeededHash& add(std::uint64_t word) noexcept {
        value_ = (value_ ^ word) * 0xd6e8feb86659fd93ULL;
        value_ ^= value_ >> 32U;
        return *this;
    }
    SeededHash& add(const wire::IpAddress& address) noexcept {
        return add(wire::load_be<std::uint64_t>(address.octets, 0))
            .add(wire::load_be<std::uint64_t>(address.octets, 8));
    }
    /// Adds text and its length, 16 octets with each multiplication.
    SeededHash& add(std::string_view text) noexcept {
        return add_words(text, [](std::uint64_t word) { return word; });
    }
    /// The same of the text with small letters in the place of capital ones (ASCII).
    SeededHash& add_lower(std::string_view text) noexcept { return add_words(text, lower); }
    constexpr std::uint64_t value() const noexcept { return value_; }

private:
    template <typename Seen>
    [[gnu::always_inline]] SeededHash& add_words(std::string_view text, Seen seen) noexcept {
        const char* at = text.data();
        std::size_t left = text.size();
        value_ ^= left * 0x9e3779b97f4a7c15ULL;
        for (; left > 16; left -= 16, at += 16)
            fold(seen(load<std::uint64_t>(at)), seen(load<std::uint64_t>(at + 8)));
        // The last octets may be taken twice: the length tells such texts apart.
        if (left >= 8)
            return fold(seen(load<std::uint64_t>(at)), seen(load<std::uint64_t>(at + left - 8)));
        if (left >= 4)
            return fold(seen(load<std::uint32_t>(at)), seen(load<std::uint32_t>(at + left - 4)));
        if (left >= 2)
            return fold(seen(load<std::uint16_t>(at)), seen(load<std::uint16_t>(at + left - 2)));
        return fold(left == 1 ? seen(load<std::uint8_t>(at)) : 0U, 0);
    }
    /// Eight letters at once; octets that are none stay as they are.
    static constexpr std::uint64_t lower(std::uint64_t word) noexcept {
        constexpr std::uint64_t ones = 0x0101010101010101;
        const std::uint64_t low = word & 0x7f * ones;
        const std::uint64_t from_a = low + (0x80 - 'A') * ones;
        const std::uint64_t beyond_z = low + (0x7f - 'Z') * ones;
        return word | (from_a & ~beyond_z & ~word & 0x80 * ones) >> 2U;
    }
    template <typename Word>
    static std::uint64_t load(const char* at) noexcept {
        Word word = 0;
        std::memcpy(&word, at, sizeof word);
        return word;
    }
    /// Both factors have a part that a sender does not know: he cannot make one zero.
    SeededHash& fold(std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a ^ value_) * (b ^ key_);
        value_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
        return *this;
    }

    std::uint64_t value_;
    std::uint64_t key_;
};

/// `Key` can be compared; `Value` can be made from nothing. `lists` is the number of lists by age.
template <typename Key, typename Value, std::size_t lists = 1>
class AgedTable {
public:
    using Index = std::uint32_t;
    static constexpr Index none = 0xffffffffU;

    explicit AgedTable(std::size_t capacity)
        : entries_(capacity)
        , buckets_(std::bit_ceil(capacity < 2 ? 2 : capacity) * buckets_for_one, none) {
        for (std::size_t i = capacity; i-- > 0;) {
            entries_[i].next = free_;
            free_ = static_cast<Index>(i);
        }
        oldest_.fill(none);
        newest_.fill(none);
    }

    std::size_t size() const { return size_; }
    std::size_t size(std::size_t list) const { return sizes_[list]; }
    bool full() const { return free_ == none; }

    Index find(const Key& key, std::uint64_t hash) const {
        Index index = buckets_[hash & (buckets_.size() - 1)];
        while (index != none && !(entries_[index].hash == hash && entries_[index].key == key))
            index = entries_[index].next;
        return index;
    }

    // What find() is going to look at, asked for ahead: first the bucket, then what it leads to, then those
    // that stand beside that by age.
    void fetch_bucket(std::uint64_t hash) const { table::fetch(&buckets_[hash & (buckets_.size() - 1)]); }
    Index fetch_entry(std::uint64_t hash) const {
        const Index index = buckets_[hash & (buckets_.size() - 1)];
        if (index != none) {
            table::fetch(&entries_[index], sizeof(Entry));
        }
        return index;
    }
    void fetch_neighbours(Index index) const {
        for (const Index beside : {entries_[index].older, entries_[index].newer})
            if (beside != none)
                table::fetch(&entries_[beside].older);
    }

    /// Adds a key that is not there, as the newest of a list. The table is not full.
    Index add(Instant now, const Key& key, std::uint64_t hash, std::size_t list = 0) {
        const Index index = free_;
        Entry& entry = entries_[index];
        free_ = entry.next;
        entry.key = key;
        entry.value = Value{};
        entry.hash = hash;
        Index& bucket = buckets_[hash & (buckets_.size() - 1)];
        entry.next = bucket;
        bucket = index;
        link(now, index, list);
        ++size_;
        return index;
    }

    /// Makes an entry the newest of a list. One that came to it less than `slack` ago stays where it is: the
    /// order by age is less exact by so much, and those that stand beside it, far away, are left alone.
    void touch(Instant now, Index index, std::size_t list = 0, Duration slack = {}) {
        if (entries_[index].list == list && is_recent(now, index, slack))
            return;
        unlink(index);
        link(now, index, list);
    }

    void erase(Index index) {
        unlink(index);
        Index* chain = &buckets_[entries_[index].hash & (buckets_.size() - 1)];
        while (*chain != index)
            chain = &entries_[*chain].next;
        *chain = entries_[index].next;
        entries_[index].next = free_;
        free_ = index;
        --size_;
    }

    Value& operator[](Index index) { return entries_[index].value; }
    const Value& operator[](Index index) const { return entries_[index].value; }
    const Key& key(Index index) const { return entries_[index].key; }
    bool is_recent(Instant now, Index index, Duration slack) const {
        return now - entries_[index].since < slack;
    }
    /// When the entry was added or touched.
    Instant since(Index index) const { return entries_[index].since; }
    std::size_t list(Index index) const { return entries_[index].list; }
    /// The entry of a list that was added or touched before all others of it.
    Index oldest(std::size_t list = 0) const { return oldest_[list]; }

private:
    /// An entry that stands in front of another one is looked at in vain, and is far away.
    static constexpr std::size_t buckets_for_one = 4;

    struct alignas(64) Entry {
        Key key{};
        Value value{};
        std::uint64_t hash{0};
        Instant since{};
        std::uint32_t list{0};
        Index next{none}; ///< in the bucket, or of the free ones
        Index older{none};
        Index newer{none};
    };

    void link(Instant now, Index index, std::size_t list) {
        Entry& entry = entries_[index];
        entry.since = now;
        entry.list = static_cast<std::uint32_t>(list);
        entry.newer = none;
        entry.older = newest_[list];
        (entry.older == none ? oldest_[list] : entries_[entry.older].newer) = index;
        newest_[list] = index;
        ++sizes_[list];
    }
    void unlink(Index index) {
        const Entry& entry = entries_[index];
        (entry.older == none ? oldest_[entry.list] : entries_[entry.older].newer) = entry.newer;
        (entry.newer == none ? newest_[entry.list] : entries_[entry.newer].older) = entry.older;
        --sizes_[entry.list];
    }

    LargeVector<Entry> entries_;
    LargeVector<Index> buckets_;
    Index free_{none};
    std::array<Index, lists> oldest_;
    std::array<Index, lists> newest_;
    std::array<std::size_t, lists> sizes_{};
    std::size_t size_{0};
};

} // namespace tandem::table
