// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Records with a text each, written by one worker and read by others without stopping it.
//
// Problem: a million registrations are listed, searched and sent to the peer while the worker that keeps them
// goes on; and a raw SIP message is as long as it likes. Idea: one piece of memory, which may be a shared
// mapping, with slots of fixed size and chunks in which texts lie; everything is an index, nothing a pointer.
// Each slot has a sequence number that is odd while it is written (see contract/guarded.hh): a reader copies
// a record, and takes the copy only if nobody wrote meanwhile. Deliberately absent: keys and search (the
// writer has an index of its own), several writers, growth.

#include "dataplane/table/bring.hh"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tandem::table {

/// `Head` is what every record has besides its text.
template <typename Head>
class TextRecords {
    static_assert(std::is_trivially_copyable_v<Head>);
    using Word = std::atomic<std::uint64_t>;
    static_assert(Word::is_always_lock_free);
    using Pair [[gnu::vector_size(16), gnu::aligned(8), gnu::may_alias]] = long long;
    static constexpr std::size_t head_words = (sizeof(Head) + 7) / 8;

    struct Slot {
        std::atomic<std::uint32_t> sequence{0};
        std::atomic<std::uint32_t> first{none}; ///< chunk; none: the text is empty
        std::atomic<std::uint32_t> length{0};
        std::atomic<std::uint32_t> used{0};
        std::array<Word, head_words> head{};
    };
    struct Chunk {
        Word next{none};
        std::array<Word, 15> words{};
    };

public:
    using Index = std::uint32_t;
    static constexpr Index none = 0xffffffffU;
    static constexpr std::size_t chunk_octets = sizeof(Chunk::words);
    static constexpr std::size_t text_max = 65'535;

    /// Octets of memory for so many records and chunks.
    static constexpr std::size_t octets(std::size_t records, std::size_t chunks) {
        return records * sizeof(Slot) + chunks * sizeof(Chunk);
    }
    static constexpr std::size_t chunks_of(std::size_t length) {
        return (length + chunk_octets - 1) / chunk_octets;
    }

    /// The writer. `memory`: octets(records, chunks), aligned for 8 octets, all zero, outlives this object.
    /// What is not needed is not touched: a hole in a file stays one.
    TextRecords(std::span<std::byte> memory, std::size_t records, std::size_t chunks)
        : TextRecords(memory.data(), records, chunks) {
        free_count_ = chunks;
    }

    /// A reader of the same memory, in this or another process.
    static const TextRecords reader(std::span<const std::byte> memory, std::size_t records,
                                    std::size_t chunks) {
        return TextRecords{const_cast<std::byte*>(memory.data()), records, chunks};
    }

    std::size_t records() const { return slot_count_; }
    std::size_t chunks_free() const { return free_count_; }

    /// Would write() find room for a text of that length in this record?
    bool has_room(Index record, std::size_t length) const {
        const std::size_t needed = chunks_of(length);
        return length <= text_max &&
               (needed <= free_count_ ||
                needed <= free_count_ + chunks_of(slots_[record].length.load(std::memory_order_relaxed)));
    }

    /// Replaces a record. False, and nothing changed: there is no room for the text.
    bool write(Index record, const Head& head, std::string_view text) {
        if (!has_room(record, text.size()))
            return false;
        Slot& slot = slots_[record];
        const Writing writing{slot};
        // The chunks that it had are written over: most texts are as long as the one before.
        Index index = slot.used.load(std::memory_order_relaxed) == 0
                          ? none
                          : slot.first.load(std::memory_order_relaxed);
        put_head(slot, head);
        slot.length.store(static_cast<std::uint32_t>(text.size()), std::memory_order_relaxed);
        slot.used.store(1, std::memory_order_relaxed);
        Index before = none;
        const auto link = [&](Index next) {
            if (before == none)
                slot.first.store(next, std::memory_order_relaxed);
            else
                chunks_[before].next.store(next, std::memory_order_relaxed);
        };
        while (!text.empty()) {
            if (index == none)
                link(index = take_chunk());
            Chunk& chunk = chunks_[index];
            const std::size_t part = std::min(text.size(), chunk_octets);
            put_text(chunk, text.substr(0, part));
            text.remove_prefix(part);
            before = std::exchange(index, static_cast<Index>(chunk.next.load(std::memory_order_relaxed)));
        }
        link(none);
        give_back(index);
        return true;
    }

    // What write() and read() are going to touch, asked for ahead: the slot, then the text that it leads to.
    void fetch(Index record) const { table::fetch(&slots_[record], sizeof(Slot)); }
    /// Chunks of one text mostly stand one behind the other.
    void fetch_text(Index record) const {
        const Slot& slot = slots_[record];
        const std::size_t first = slot.first.load(std::memory_order_relaxed);
        const std::size_t count = chunks_of(slot.length.load(std::memory_order_relaxed));
        if (first < chunk_count_ && count <= chunk_count_ - first)
            table::fetch(&chunks_[first], count * sizeof(Chunk));
    }

    /// Chunks that were never used, for a text behind so many octets of others.
    void fetch_fresh(std::size_t ahead, std::size_t length) const {
        const std::size_t first = fresh_ + chunks_of(ahead);
        const std::size_t count = chunks_of(length);
        if (free_ == none && first < chunk_count_ && count <= chunk_count_ - first)
            table::fetch(&chunks_[first], count * sizeof(Chunk));
    }

    /// Replaces the head of a record that there is.
    void write_head(Index record, const Head& head) {
        Slot& slot = slots_[record];
        const Writing writing{slot};
        put_head(slot, head);
    }

    void erase(Index record) {
        Slot& slot = slots_[record];
        const Writing writing{slot};
        release(slot);
        slot.used.store(0, std::memory_order_relaxed);
    }

    /// For the writer, in whose way nobody comes: the head of a record. False: there is none.
    [[gnu::always_inline]] bool own(Index record, Head& head) const {
        return copy_head(slots_[record], head);
    }

    /// Copies the head of a record. False: there is none, or it was being written at every attempt.
    bool read(Index record, Head& head) const {
        return attempt(slots_[record], [&](const Slot& slot) { return copy_head(slot, head); });
    }

    /// The same with the text.
    bool read(Index record, Head& head, std::string& text) const {
        return attempt(slots_[record],
                       [&](const Slot& slot) { return copy_head(slot, head) && copy_text(slot, text); });
    }

private:
    TextRecords(std::byte* memory, std::size_t records, std::size_t chunks)
        : slots_(reinterpret_cast<Slot*>(memory))
        , chunks_(reinterpret_cast<Chunk*>(memory + records * sizeof(Slot)))
        , slot_count_(records)
        , chunk_count_(chunks) {}

    /// A sequence that is odd for as long as this lives.
    class Writing {
    public:
        explicit Writing(Slot& slot)
            : slot_(slot) {
            const std::uint32_t odd = slot.sequence.load(std::memory_order_relaxed) | 1U;
            slot.sequence.store(odd, std::memory_order_relaxed);
            std::atomic_thread_fence(std::memory_order_release);
        }
        ~Writing() {
            slot_.sequence.store(slot_.sequence.load(std::memory_order_relaxed) + 1,
                                 std::memory_order_release);
        }
        Writing(const Writing&) = delete;
        Writing& operator=(const Writing&) = delete;

    private:
        Slot& slot_;
    };

    // Word by word through registers: a copy of the whole costs more than the words.
    static void put_head(Slot& slot, const Head& head) {
        const char* from = reinterpret_cast<const char*>(&head);
#pragma GCC unroll 16
        for (std::size_t i = 0; i < head_words; ++i)
            slot.head[i].store(word_at(from + 8 * i, std::min<std::size_t>(8, sizeof head - 8 * i)),
                               std::memory_order_relaxed);
    }

    static void put_text(Chunk& chunk, std::string_view part) {
        const std::size_t whole = part.size() / 8;
        if (part.size() == chunk_octets) {
            put_full(chunk, part.data());
            return;
        }
        for (std::size_t i = 0; i < whole; ++i)
            chunk.words[i].store(word_at(part.data() + 8 * i, 8), std::memory_order_relaxed);
        if (whole * 8 < part.size())
            chunk.words[whole].store(word_at(part.data() + 8 * whole, part.size() % 8),
                                     std::memory_order_relaxed);
    }

    static void put_full(Chunk& chunk, const char* from) {
        std::size_t word = 0;
        // Two words with each instruction, which no atomic of the language can do. A reader that meets half a
        // pair is no worse off than one that meets half a chunk: the sequence tells it.
#pragma GCC unroll 8
        for (; word + 2 <= chunk_octets / 8; word += 2) {
            Pair pair;
            std::memcpy(&pair, from + 8 * word, sizeof pair);
            asm volatile("movups %1, %0" : "=m"(*reinterpret_cast<Pair*>(&chunk.words[word])) : "x"(pair));
        }
        static_assert(chunk_octets / 8 % 2 == 1);
        chunk.words[word].store(word_at(from + 8 * word, 8), std::memory_order_relaxed);
    }

    /// Up to 8 octets.
    static std::uint64_t word_at(const char* from, std::size_t octets) {
        std::uint64_t word = 0;
        if (octets == 8)
            std::memcpy(&word, from, 8);
        else
            std::memcpy(&word, from, octets);
        return word;
    }

    /// One that was given back, or else the first that was never used. There is one.
    Index take_chunk() {
        --free_count_;
        const Index index = free_ == none ? fresh_++ : free_;
        if (index == free_)
            free_ = static_cast<Index>(chunks_[index].next.load(std::memory_order_relaxed));
        chunks_[index].next.store(none, std::memory_order_relaxed);
        return index;
    }

    /// Gives the chunks of a record back.
    void release(Slot& slot) {
        if (slot.used.load(std::memory_order_relaxed) == 0)
            return; // perhaps never used: then `first` is 0 and means nothing
        give_back(slot.first.load(std::memory_order_relaxed));
        slot.first.store(none, std::memory_order_relaxed);
        slot.length.store(0, std::memory_order_relaxed);
    }
    /// Gives a chunk and those behind it back.
    void give_back(Index index) {
        while (index != none) {
            Chunk& chunk = chunks_[index];
            const auto next = static_cast<Index>(chunk.next.load(std::memory_order_relaxed));
            chunk.next.store(std::exchange(free_, index), std::memory_order_relaxed);
            ++free_count_;
            index = next;
        }
    }

    template <typename Copy>
    static bool attempt(const Slot& slot, Copy copy) {
        constexpr int attempts = 16;
        for (int i = 0; i < attempts; ++i) {
            const std::uint32_t before = slot.sequence.load(std::memory_order_acquire);
            if ((before & 1U) != 0)
                continue;
            const bool found = copy(slot);
            std::atomic_thread_fence(std::memory_order_acquire);
            if (slot.sequence.load(std::memory_order_relaxed) == before)
                return found;
        }
        return false;
    }

    static bool copy_head(const Slot& slot, Head& head) {
        char* into = reinterpret_cast<char*>(&head);
#pragma GCC unroll 16
        for (std::size_t i = 0; i < head_words; ++i) {
            const std::uint64_t word = slot.head[i].load(std::memory_order_relaxed);
            std::memcpy(into + 8 * i, &word, std::min<std::size_t>(8, sizeof head - 8 * i));
        }
        return slot.used.load(std::memory_order_relaxed) != 0;
    }

    /// What it reads may be torn: every index is checked, and no more is copied than a text can have.
    bool copy_text(const Slot& slot, std::string& text) const {
        std::size_t left = slot.length.load(std::memory_order_relaxed);
        if (left > text_max)
            return false;
        text.clear();
        std::uint64_t index = slot.first.load(std::memory_order_relaxed);
        while (left > 0) {
            if (index >= chunk_count_)
                return false;
            const Chunk& chunk = chunks_[index];
            std::array<std::uint64_t, std::tuple_size_v<decltype(Chunk::words)>> words;
            for (std::size_t i = 0; i < words.size(); ++i)
                words[i] = chunk.words[i].load(std::memory_order_relaxed);
            const std::size_t part = std::min(left, chunk_octets);
            text.append(reinterpret_cast<const char*>(words.data()), part);
            left -= part;
            index = chunk.next.load(std::memory_order_relaxed);
        }
        return true;
    }

    Slot* slots_;
    Chunk* chunks_;
    std::size_t slot_count_;
    std::size_t chunk_count_;
    Index free_{none}; ///< chunks that were given back
    Index fresh_{0};   ///< chunks from here on were never used
    std::size_t free_count_{0};
};

} // namespace tandem::table
