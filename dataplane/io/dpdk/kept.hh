// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Packet buffers that wait for something, under the numbers by which the packet path knows them.
//
// Several can be linked: the fragments of a packet share its verdict. Deliberately absent: why they wait.

#include <cstddef>
#include <cstdint>
#include <vector>

struct rte_mbuf;

namespace tandem::dpdk {

class Kept {
public:
    static constexpr std::uint32_t none = 0xffffffffU;

    explicit Kept(std::size_t capacity)
        : slots_(capacity) {
        for (std::size_t i = capacity; i-- > 0;) {
            slots_[i].next = free_;
            free_ = static_cast<std::uint32_t>(i);
        }
    }

    /// The number that put() will give next; none: there is no room.
    std::uint32_t next_token() const { return free_; }
    /// There is room.
    std::uint32_t put(rte_mbuf* packet) {
        const std::uint32_t token = free_;
        free_ = slots_[token].next;
        slots_[token] = {packet, none};
        return token;
    }
    /// Puts `other` and what is linked to it behind `token`.
    void link(std::uint32_t token, std::uint32_t other) {
        while (slots_[token].next != none)
            token = slots_[token].next;
        slots_[token].next = other;
    }
    /// Takes the packet and gives what is linked behind it.
    rte_mbuf* take(std::uint32_t token, std::uint32_t& linked) {
        rte_mbuf* packet = slots_[token].packet;
        linked = slots_[token].next;
        slots_[token] = {nullptr, free_};
        free_ = token;
        return packet;
    }

private:
    struct Slot {
        rte_mbuf* packet{nullptr};
        std::uint32_t next{none}; ///< linked, or of the free ones
    };
    std::vector<Slot> slots_;
    std::uint32_t free_{none};
};

} // namespace tandem::dpdk
