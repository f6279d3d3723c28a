// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What will be worked on next, on its way while something else is worked on.
//
// Problem: messages that come out of thousands of buffers lie in main memory, and a processor has only some
// two dozen lines on their way at a time: whoever asks for the next thirty messages at once waits for them,
// and so does all that is asked for behind them. Idea: a list, from which one is asked for whenever a piece
// of the present work is done. Deliberately absent: knowledge of what the memory holds, waiting.

#include <array>
#include <cstddef>
#include <cstdint>

namespace tandem::table {

class Soon {
public:
    static constexpr std::size_t capacity = 64;

    void clear() noexcept { count_ = next_ = 0; }
    /// Adds so many octets; what is beyond the capacity is not asked for.
    void add(const void* at, std::size_t octets) noexcept {
        if (count_ < capacity)
            pieces_[count_++] = {static_cast<const char*>(at), octets};
    }

    /// Asks for the next piece, if there is one. It comes to the second cache: in the first one it would push
    /// out what is worked on.
    [[gnu::always_inline]] void ask() noexcept {
        if (next_ == count_)
            return;
        const Piece& piece = pieces_[next_++];
        for (std::size_t i = 0; i < piece.octets; i += 64)
            __builtin_prefetch(piece.at + i, 0, 2);
    }

private:
    struct Piece {
        const char* at;
        std::size_t octets;
    };
    std::array<Piece, capacity> pieces_; ///< what is not written is not read
    std::size_t count_{0};
    std::size_t next_{0};
};

} // namespace tandem::table
