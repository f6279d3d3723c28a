// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// SIP messages that a check sends (RFC 3261 sections 8.1.1 and 8.2.6).
//
// Pure. Every value that goes into a header field is looked at once more: with a control character in it the
// message is not made. Deliberately absent: what to ask, and when.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::probe {

/// Begins every branch (RFC 3261 section 8.1.1.7).
inline constexpr std::string_view branch_cookie = "z9hG4bK";

struct SipRequest {
    std::string method;
    std::string uri;
    std::string via_transport{"UDP"};
    std::string sent_by; ///< host:port
    std::string branch;  ///< with the cookie
    std::string from;    ///< a URI
    std::string from_tag;
    std::string to;     ///< a URI
    std::string to_tag; ///< empty: none
    std::string call_id;
    std::uint32_t cseq{1};
    unsigned max_forwards{70};
    std::string contact; ///< a URI; empty: none
    std::string user_agent;
    std::vector<std::string> routes; ///< values of Route, in order
    std::vector<std::pair<std::string, std::string>> more;
    std::string content_type; ///< of the body
    std::string body;
};

/// Nothing when a value has a control character.
std::optional<std::string> write_request(const SipRequest& request);

/// A response to a request that has arrived, as it stands in `request`: Via, From, To, Call-ID, CSeq and
/// Record-Route are taken over. Nothing when that is no request, or too much of one.
struct SipResponse {
    std::uint16_t status{200};
    std::string_view phrase{"OK"};
    std::string to_tag;
    std::string contact; ///< a URI; empty: none
    std::string content_type;
    std::string body;
};
std::optional<std::string> write_response(std::string_view request, const SipResponse& response);

} // namespace tandem::probe
