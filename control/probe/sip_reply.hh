// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// SIP messages that come to a check: whose answer is this?
//
// Problem: anybody can send to an open port. Idea: an answer counts only with the branch, the Call-ID and the
// From tag that the question had, all of them unpredictable, and with its CSeq. Pure; everything within
// bounds. Deliberately absent: the text of a reason phrase, which is never shown.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::probe {

/// What is longer is not looked at.
inline constexpr std::size_t sip_message_max = 65535;

/// What the answer to a request must repeat.
struct SipMark {
    std::string branch;
    std::string call_id;
    std::string from_tag;
    std::uint32_t cseq{1};
    std::string method;
};

/// The status of a response to the request with this mark; nothing: it is another message.
std::optional<std::uint16_t> status_for(std::string_view message, const SipMark& mark);

/// The branch of the topmost Via, by which a request of ours is found; it may be anybody's. Of responses
/// (`response`) or of anything that begins with a SIP start line, even if its end is missing (`quoted`: what
/// the kernel quotes of a datagram that came back).
std::optional<std::string_view> branch_of_response(std::string_view message);
std::optional<std::string_view> branch_of_quoted(std::string_view part);

/// The values of a header field, folded lines made one; at most 16. `compact` is its other name, or empty.
std::vector<std::string> header_values(std::string_view message, std::string_view name,
                                       std::string_view compact = {});

/// `success`, `server failure`, ...: a word for the class of a final or provisional response.
std::string_view class_of(std::uint16_t status);

} // namespace tandem::probe
