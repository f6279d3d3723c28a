// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Packets that must be kept for a while: mirror history, packets ahead of a gap, packets held or deferred.
//
// Problem: they must be bounded in number and in octets, and keeping one must not allocate.
// Idea: a ring of octets and a ring of entries, both made once. Packets come in at the back and leave at the
// front; one that is done early is marked by its owner and its room comes back when it reaches the front. A
// packet lies in one piece: where it would wrap around, the rest of the ring is skipped. Deliberately absent:
// removal from the middle, growth, an eviction rule (the owner evicts until there is room).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace tandem::path {

/// `Tag` is what the owner remembers with each packet.
template <typename Tag>
class PacketStore {
public:
    struct Entry {
        Tag tag{};
        std::size_t offset{0};
        std::size_t length{0};
        std::size_t taken{0}; ///< octets of the ring, the skipped end included
    };

    /// Room for `packets_max` packets of together at most `octets_max` octets.
    PacketStore(std::size_t packets_max, std::size_t octets_max)
        : entries_(std::make_unique<Entry[]>(packets_max))
        , octets_(std::make_unique_for_overwrite<std::uint8_t[]>(octets_max))
        , packets_max_(packets_max)
        , octets_max_(octets_max) {}

    bool empty() const { return count_ == 0; }
    std::size_t size() const { return count_; }
    std::size_t octets() const { return used_; }

    /// Would `reserve(length)` succeed now?
    bool has_room(std::size_t length) const {
        if (count_ == packets_max_ || length > octets_max_)
            return false;
        const std::size_t skip = tail_ + length > octets_max_ ? octets_max_ - tail_ : 0;
        return octets_max_ - used_ >= skip + length || (count_ == 0 && length <= octets_max_);
    }

    /// Could a packet of this length ever be kept?
    bool could_hold(std::size_t length) const { return length <= octets_max_; }

    /// A place for `length` octets at the back, to be filled by the caller. Nothing (an empty span with null
    /// data) when there is no room.
    std::span<std::uint8_t> reserve(std::size_t length, const Tag& tag) {
        if (!has_room(length))
            return {};
        if (count_ == 0)
            tail_ = used_ = 0;
        const std::size_t skip = tail_ + length > octets_max_ ? octets_max_ - tail_ : 0;
        const std::size_t offset = tail_ + length > octets_max_ ? 0 : tail_;
        entries_[(first_ + count_) % packets_max_] = Entry{tag, offset, length, skip + length};
        ++count_;
        used_ += skip + length;
        tail_ = offset + length;
        return {octets_.get() + offset, length};
    }

    /// The i-th from the front; i < size().
    Entry& entry(std::size_t i) { return entries_[(first_ + i) % packets_max_]; }
    const Entry& entry(std::size_t i) const { return entries_[(first_ + i) % packets_max_]; }
    std::span<const std::uint8_t> bytes(const Entry& e) const { return {octets_.get() + e.offset, e.length}; }
    std::span<std::uint8_t> bytes(const Entry& e) { return {octets_.get() + e.offset, e.length}; }

    /// Entries also have a number that stays theirs: it counts every packet that ever came in, from 0.
    std::uint64_t front_number() const { return front_number_; }
    std::uint64_t next_number() const { return front_number_ + count_; }
    Entry& numbered(std::uint64_t number) { return entry(static_cast<std::size_t>(number - front_number_)); }

    /// Removes the front. Its octets stay readable until the next reserve().
    void pop_front() {
        used_ -= entry(0).taken;
        ++front_number_;
        first_ = (first_ + 1) % packets_max_;
        --count_;
    }

    void clear() {
        front_number_ += count_;
        first_ = count_ = tail_ = used_ = 0;
    }

private:
    std::unique_ptr<Entry[]> entries_;
    std::unique_ptr<std::uint8_t[]> octets_;
    std::size_t packets_max_;
    std::size_t octets_max_;
    std::size_t first_{0}; ///< entry at the front
    std::size_t count_{0};
    std::size_t tail_{0}; ///< where the next octet goes
    std::size_t used_{0};
    std::uint64_t front_number_{0};
};

} // namespace tandem::path
