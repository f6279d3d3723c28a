// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// An OPTIONS request (RFC 3261 section 11) that is asked again and again.
//
// Problem: an answer must be known as the answer to our own question, whoever else sends to the port, and
// the pulse must be able to ask without allocating. Idea: the text is made once; a token that nobody else
// knows and the number of the question have fixed places in the branch, the Call-ID and the CSeq, and asking
// again overwrites the number. What a server answers carries the Call-ID back. Deliberately absent: sockets,
// time, randomness (the token is an argument), and what the answer says: any response proves a SIP server.

#include "dataplane/wire/address.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::watch {

class Question {
public:
    /// `own`: where the answer is to come; `token`: unpredictable, one per object.
    Question(wire::IpAddress own, std::uint16_t own_port, wire::IpAddress server, std::uint16_t port,
             std::uint64_t token);

    /// The text of the next question; valid until the next call.
    std::string_view next() noexcept;
    /// The number of the last question; 0: none yet.
    std::uint32_t number() const { return number_; }
    /// The number of the question that this datagram answers; nothing when it is not a SIP response to one.
    std::optional<std::uint32_t> answered_by(std::string_view datagram) const noexcept;

private:
    static constexpr std::size_t size_max = 1024;
    void add(std::string_view text);
    void add_number(std::size_t& place);

    std::array<char, size_max> text_{};
    std::size_t length_{0};
    std::array<char, 16> token_{};
    std::size_t branch_place_{0};
    std::size_t call_place_{0};
    std::uint32_t number_{0};
};

} // namespace tandem::watch
