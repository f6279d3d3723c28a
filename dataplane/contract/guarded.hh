// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A value that one process writes and others read, in shared memory, without a lock.
//
// Problem: the reader is a packet worker and must neither wait nor see half a value; the writer may be killed
// between two bytes.
// Idea: a sequence lock over relaxed atomic words. The sequence is odd while a write is under way. A reader
// tries a bounded number of times and otherwise keeps what it had; the next complete write mends an odd
// sequence that a dead writer left behind. Deliberately absent: several writers at the same time.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace tandem::contract {

template <typename T>
class Guarded {
    static_assert(std::is_trivially_copyable_v<T>);
    static constexpr std::size_t words = (sizeof(T) + 7) / 8;
    static constexpr unsigned attempts_max = 64;

public:
    /// Replaces the value. One writer at a time.
    void write(const T& value) noexcept {
        std::array<std::uint64_t, words> copy{};
        std::memcpy(copy.data(), &value, sizeof(T));
        const std::uint32_t odd = sequence_.load(std::memory_order_relaxed) | 1U;
        sequence_.store(odd, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
        for (std::size_t i = 0; i < words; ++i)
            words_[i].store(copy[i], std::memory_order_relaxed);
        sequence_.store(odd + 1U, std::memory_order_release);
    }

    /// Copies the value out. False when a write was under way at every attempt (`value` is then unchanged).
    bool read(T& value) const noexcept {
        for (unsigned attempt = 0; attempt < attempts_max; ++attempt) {
            const std::uint32_t before = sequence_.load(std::memory_order_acquire);
            if ((before & 1U) != 0)
                continue;
            std::array<std::uint64_t, words> copy;
            for (std::size_t i = 0; i < words; ++i)
                copy[i] = words_[i].load(std::memory_order_relaxed);
            std::atomic_thread_fence(std::memory_order_acquire);
            if (sequence_.load(std::memory_order_relaxed) != before)
                continue;
            std::memcpy(static_cast<void*>(&value), copy.data(), sizeof(T));
            return true;
        }
        return false;
    }

    /// Grows with every write; a reader that saw this number already has the value.
    std::uint32_t sequence() const noexcept { return sequence_.load(std::memory_order_acquire); }

private:
    std::atomic<std::uint32_t> sequence_{0};
    std::array<std::atomic<std::uint64_t>, words> words_{};
};

} // namespace tandem::contract
