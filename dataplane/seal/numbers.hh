// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The sequence numbers of one direction under one key, none of them ever twice.
//
// Problem: a number makes the nonce, and a nonce that seals twice gives away what it sealed; the process can
// be killed between any two instructions, and its successor must not begin where it began. Idea: numbers are
// set aside in shared memory, many at a time, before the first of them is used; a successor goes on behind
// all that were set aside. Whoever seals under the key takes its numbers from the one object. Deliberately
// absent: keys, threads (one).

#include <atomic>
#include <cstdint>

namespace tandem::seal {

class Numbers {
public:
    static constexpr std::uint64_t ahead = 65'536;

    /// Goes on behind all that `reserved` says may have been used. It outlives this object.
    void begin(std::atomic<std::uint64_t>& reserved) noexcept {
        shared_ = &reserved;
        reserved_ = reserved.load();
        next_ = reserved_ + 1;
    }

    /// The next number; call begin() first.
    std::uint64_t take() noexcept {
        if (next_ > reserved_) {
            reserved_ += ahead;
            shared_->store(reserved_);
        }
        return next_++;
    }

private:
    std::atomic<std::uint64_t>* shared_{nullptr};
    std::uint64_t next_{1};
    std::uint64_t reserved_{0};
};

} // namespace tandem::seal
