// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/chunks.hh"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace tandem::https {
namespace {

bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c == '\t' || (c >= ' ' && c <= '~'); });
}

/// The size that a line begins with; false: it does not.
bool read_size(std::string_view line, std::size_t& size) {
    constexpr std::size_t digits_max = 8;
    const std::string_view digits = line.substr(0, std::min(line.find(';'), line.size()));
    if (digits.empty() || digits.size() > digits_max || !is_plain(line))
        return false;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
    return error == std::errc{} && end == digits.data() + digits.size();
}

} // namespace

ChunkReader::State ChunkReader::take(std::string& input, std::string& body) {
    for (;;) {
        if (part_ == Part::data) {
            const std::size_t size = std::min(left_, input.size());
            body.append(input, 0, size);
            input.erase(0, size);
            left_ -= size;
            if (left_ > 0)
                return State::more;
            part_ = Part::data_end;
        }
        const auto end = input.find("\r\n");
        if (end == std::string::npos || end > line_max)
            return input.size() > line_max || (part_ == Part::data_end && input.size() > 1) ? State::malformed
                                                                                            : State::more;
        const std::string line = input.substr(0, end);
        input.erase(0, end + 2);
        switch (part_) {
        case Part::size:
            if (!read_size(line, left_))
                return State::malformed;
            part_ = left_ == 0 ? Part::trailer : Part::data;
            break;
        case Part::data_end:
            if (!line.empty())
                return State::malformed;
            part_ = Part::size;
            break;
        case Part::trailer:
            if (line.empty())
                return State::done;
            if (!is_plain(line))
                return State::malformed;
            break;
        case Part::data:
            break;
        }
    }
}

} // namespace tandem::https
