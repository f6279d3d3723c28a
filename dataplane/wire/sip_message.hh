// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From header lines to a SipMessage. Both readers, the plain and the fast one, take every line here that is
// anything but plain, so that they cannot differ in what they accept. For the SIP readers of this folder
// only.

#include "dataplane/wire/sip.hh"
#include "dataplane/wire/sip_fields.hh"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::wire::sip_text {

/// Reads the start line of a datagram; `rest` is what follows it.
std::optional<SipError> take_start_line(SipMessage& message, std::string_view datagram,
                                        std::string_view& rest) noexcept;

/// CSeq against the method of the start line, and into the message.
std::optional<SipError> set_cseq(SipMessage& message, const CSeq& cseq) noexcept;

constexpr std::uint32_t bit_of(Field field) noexcept {
    return 1U << static_cast<unsigned>(field);
}
/// The header fields that may stand only once.
inline constexpr std::uint32_t once_only = bit_of(Field::from) | bit_of(Field::to) | bit_of(Field::call_id) |
                                           bit_of(Field::cseq) | bit_of(Field::max_forwards) |
                                           bit_of(Field::content_length);
/// The header fields that every message has.
inline constexpr std::uint32_t all_duties = bit_of(Field::via) | bit_of(Field::from) | bit_of(Field::to) |
                                            bit_of(Field::call_id) | bit_of(Field::cseq);

/// The header section of one message, line by line.
class HeaderSection {
public:
    explicit HeaderSection(SipMessage& message) noexcept
        : message_(message) {}

    enum class Turn : std::uint8_t { first, again, error };
    /// Counts a line with a field of that kind. Is it the first of its kind?
    Turn begin(Field field) noexcept {
        if (++lines_ > sip_headers_max)
            return refuse(SipError::too_many_headers);
        const std::uint32_t bit = bit_of(field);
        const bool first = (seen_ & bit) == 0;
        seen_ |= bit;
        if (first)
            return Turn::first;
        return (bit & once_only) == 0 ? Turn::again : refuse(SipError::repeated_header);
    }
    /// Takes a header line; nothing: it was none.
    std::optional<SipError> take(const std::optional<HeaderLine>& header) noexcept;
    /// Takes the value of a line that begin() has counted.
    std::optional<SipError> take_value(Field field, std::string_view value, Turn turn) noexcept;
    /// What is missing or wrong after the last line; `rest` is what follows the blank line.
    std::optional<SipError> end(std::string_view rest) noexcept;

    /// Fields that another reader has taken; bits.
    void note(std::uint32_t fields) noexcept { seen_ |= fields; }

    SipError error() const noexcept { return error_; }

private:
    Turn refuse(SipError error) noexcept {
        error_ = error;
        return Turn::error;
    }

    SipMessage& message_;
    std::size_t lines_{0};
    std::uint32_t seen_{0};
    SipError error_{SipError::not_sip};
};

/// Reads a whole message, line by line, into one that holds nothing.
std::optional<SipError> read_message(std::string_view datagram, SipMessage& message) noexcept;

} // namespace tandem::wire::sip_text
