// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A body in chunks (RFC 9112 section 7.1), piece by piece.
//
// Problem: the library's parser asserts on the last chunk of a body that comes in small pieces, and is
// lenient elsewhere. Idea: a size has 1 to 8 hexadecimal digits, lines end in CR LF and have a bound;
// extensions and trailers are looked at for their characters, and dropped.

#include <cstddef>
#include <cstdint>
#include <string>

namespace tandem::https {

class ChunkReader {
public:
    /// Longest line of a size with its extension, or of a trailer.
    static constexpr std::size_t line_max = 4096;

    enum class State : std::uint8_t { more, done, malformed };

    /// Takes what it can from the front of `input` and adds the body's octets to `body`.
    State take(std::string& input, std::string& body);

private:
    enum class Part : std::uint8_t { size, data, data_end, trailer };
    Part part_{Part::size};
    std::size_t left_{0}; ///< of the present chunk
};

} // namespace tandem::https
