// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The clauses of a request pattern, asked about one message.
//
// The mask has matched before; most patterns end there. Only then is the message read, and only as far as the
// clauses need it. A message that cannot be read fulfils no clause about its content, `not` or otherwise.
// Deliberately absent: regular expressions (text_matcher.hh).

#include "dataplane/path/inspect.hh"
#include "dataplane/path/text_matcher.hh"

#include <cstdint>
#include <span>
#include <string_view>

namespace tandem::path {

/// A message on its way to a VIP, out of a datagram or a stream.
struct Addressed {
    std::uint8_t group{0};
    const wire::IpAddress& source;
    const wire::IpAddress& vip;
    std::string_view text;
};

/// Does a message that the pattern's mask matches fulfil its clauses? `matcher` may be null: expressions then
/// count as fulfilled.
bool fulfils(const contract::RequestPattern& pattern, const Addressed& message,
             TextMatcher* matcher) noexcept;

/// inspect() and then the clauses: sip_matching means that the whole pattern matches.
Inspection inspect(std::span<const std::uint8_t> packet, const contract::Policy& policy,
                   TextMatcher* matcher) noexcept;

/// User and host of a Request-URI; the host without brackets or port. Views into `uri`.
struct UriParts {
    std::string_view user; ///< of a tel URI: the number
    std::string_view host;
};
UriParts uri_parts(std::string_view uri) noexcept;

} // namespace tandem::path
