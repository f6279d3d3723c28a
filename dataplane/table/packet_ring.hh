// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The last packets, written by one worker and read by others without stopping it.
//
// Problem: when something went wrong, the packets of the last half minute are wanted, and nobody had started
// a capture. Idea: a ring of octets in one piece of memory, which may be a shared mapping, always written.
// Two positions that only grow say what is in it: before the writer overwrites a packet it moves `oldest`
// past it, and when the new one is complete it moves `next`. A reader copies a packet and takes the copy only
// if `oldest` has not passed it meanwhile. Deliberately absent: filters, files, and waiting readers.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace tandem::table {

/// What is known of a packet besides its octets.
struct PacketNote {
    std::int64_t at_ns{0};         ///< CLOCK_REALTIME
    std::uint32_t length{0};       ///< of the packet; more than what was kept
    std::uint16_t interface { 0 }; ///< index of a port or interface
    std::uint8_t outgoing{0};      ///< 0: came in, 1: went out
    std::uint8_t verdict{0};       ///< the owner's number
    std::uint16_t reason{0};       ///< the owner's number
    std::array<std::uint8_t, 6> unused{};
};
static_assert(std::is_trivially_copyable_v<PacketNote> && sizeof(PacketNote) == 24);

class PacketRing {
    using Word = std::atomic<std::uint64_t>;
    static_assert(Word::is_always_lock_free);
    static constexpr std::size_t note_words = sizeof(PacketNote) / 8;
    /// Positions count words from the beginning of time; the ring holds the last of them.
    struct Head {
        Word oldest{0};
        Word next{0};
        Word packets{0};
        std::array<Word, 5> unused{};
    };

public:
    /// Octets of memory for a ring of so many octets (a multiple of 8).
    static constexpr std::size_t octets(std::size_t ring) { return sizeof(Head) + ring / 8 * 8; }

    /// The writer. `memory`: aligned for 8 octets, at least octets(256), all zero, outlives this object. It
    /// is not touched before it is needed.
    explicit PacketRing(std::span<std::byte> memory)
        : PacketRing(memory.data(), memory.size()) {}
    /// A reader of the same memory, in this or another process.
    static const PacketRing reader(std::span<const std::byte> memory) {
        return PacketRing{const_cast<std::byte*>(memory.data()), memory.size()};
    }

    /// Keeps a packet, cut off at `keep` octets. Nothing happens to one that is larger than the ring.
    void write(PacketNote note, std::span<const std::uint8_t> packet, std::size_t keep) {
        note.length = static_cast<std::uint32_t>(packet.size());
        packet = packet.first(std::min(packet.size(), keep));
        const std::size_t size = words_of(packet.size());
        if (size > words_)
            return;
        const std::uint64_t at = head_->next.load(std::memory_order_relaxed);
        std::uint64_t oldest = head_->oldest.load(std::memory_order_relaxed);
        while (at + size - oldest > words_)
            oldest += words_of(word(oldest).load(std::memory_order_relaxed));
        head_->oldest.store(oldest, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
        std::size_t index = at % words_; // found once: a division for each word would cost more than the copy
        const auto put = [&](std::uint64_t value) {
            ring_[index].store(value, std::memory_order_relaxed);
            index = index + 1 == words_ ? 0 : index + 1;
        };
        put(packet.size());
        std::array<std::uint64_t, note_words> words;
        std::memcpy(words.data(), &note, sizeof note);
        for (const std::uint64_t value : words)
            put(value);
        const std::size_t whole = packet.size() / 8;
        for (std::size_t i = 0; i < whole; ++i) {
            std::uint64_t value;
            std::memcpy(&value, packet.data() + i * 8, 8);
            put(value);
        }
        if (const std::size_t rest = packet.size() - whole * 8; rest > 0) {
            std::uint64_t value = 0;
            std::memcpy(&value, packet.data() + whole * 8, rest);
            put(value);
        }
        head_->packets.store(head_->packets.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        head_->next.store(at + size, std::memory_order_release);
    }

    /// Where a reader is. Begin with oldest().
    using Position = std::uint64_t;
    Position oldest() const { return head_->oldest.load(std::memory_order_acquire); }
    /// How many packets were ever written.
    std::uint64_t packets() const { return head_->packets.load(std::memory_order_relaxed); }

    struct Packet {
        PacketNote note;
        std::vector<std::uint8_t> octets;
    };
    /// Copies the packet at `position` and moves it to the next one; false: there is none yet. A reader that
    /// was overtaken by the writer goes on with the oldest packet, and `missed` is set.
    bool read(Position& position, Packet& packet, bool& missed) const {
        missed = false;
        for (;;) {
            if (position < oldest()) {
                position = oldest();
                missed = true;
            }
            if (position >= head_->next.load(std::memory_order_acquire))
                return false;
            const std::uint64_t size = word(position).load(std::memory_order_relaxed);
            const bool possible = size <= words_ * 8;
            if (possible)
                copy(position, static_cast<std::size_t>(size), packet);
            std::atomic_thread_fence(std::memory_order_acquire);
            if (head_->oldest.load(std::memory_order_relaxed) > position)
                continue;
            if (!possible)
                return false; // no writer leaves that behind
            position += words_of(size);
            return true;
        }
    }

private:
    PacketRing(std::byte* memory, std::size_t size)
        : head_(reinterpret_cast<Head*>(memory))
        , ring_(reinterpret_cast<Word*>(memory + sizeof(Head)))
        , words_((size - sizeof(Head)) / 8) {}

    static constexpr std::size_t words_of(std::uint64_t size) {
        return 1 + note_words + static_cast<std::size_t>((size + 7) / 8);
    }
    Word& word(std::uint64_t position) const { return ring_[position % words_]; }

    void copy(Position position, std::size_t size, Packet& packet) const {
        std::array<std::uint64_t, note_words> words;
        for (std::size_t i = 0; i < note_words; ++i)
            words[i] = word(position + 1 + i).load(std::memory_order_relaxed);
        std::memcpy(static_cast<void*>(&packet.note), words.data(), sizeof packet.note);
        packet.octets.resize(size);
        for (std::size_t i = 0; i * 8 < size; ++i) {
            const std::uint64_t value = word(position + 1 + note_words + i).load(std::memory_order_relaxed);
            std::memcpy(packet.octets.data() + i * 8, &value, std::min<std::size_t>(8, size - i * 8));
        }
    }

    Head* head_;
    Word* ring_;
    std::size_t words_;
};

} // namespace tandem::table
