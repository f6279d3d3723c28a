// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the probe reads from a datagram that came back: is it a final answer to one of its requests, and to
// which? Only as much of RFC 3261 section 7 as that takes; anything else is no answer.

#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::phone {

struct Answer {
    unsigned status{0};        ///< 100 to 699
    std::uint64_t sequence{0}; ///< the number in CSeq
};

/// nullopt when the datagram is no SIP response, or its Call-ID does not begin with `call_id_prefix`.
std::optional<Answer> read_answer(std::string_view datagram, std::string_view call_id_prefix);

} // namespace tandem::phone
