// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A bounded queue with one producer and one consumer, usable between threads and, in shared memory, between
// processes.
//
// When it is full, `push` refuses and counts: the producer never waits. The count is part of what status
// shows. Deliberately absent: blocking, several producers.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace tandem::contract {

template <typename T, std::size_t Capacity>
class Ring {
    static_assert(std::is_trivially_copyable_v<T>);
    static_assert(Capacity > 1 && (Capacity & (Capacity - 1)) == 0, "a power of two");

public:
    /// Producer. False, and counted, when full.
    bool push(const T& value) noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        if (tail - head_.load(std::memory_order_acquire) >= Capacity) {
            refused_.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
        slots_[tail % Capacity] = value;
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    /// Consumer. False when empty.
    bool pop(T& value) noexcept {
        const std::uint32_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_.load(std::memory_order_acquire))
            return false;
        value = slots_[head % Capacity];
        head_.store(head + 1, std::memory_order_release);
        return true;
    }

    std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
    bool empty() const noexcept {
        return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire);
    }

private:
    alignas(64) std::atomic<std::uint32_t> head_{0};
    alignas(64) std::atomic<std::uint32_t> tail_{0};
    std::atomic<std::uint64_t> refused_{0};
    alignas(64) std::array<T, Capacity> slots_{};
};

} // namespace tandem::contract
