// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// SIP URIs and lists of response codes, as a file gives them.
//
// Problem: what stands in a file goes into the header fields of a message; a line end in it would be a header
// of somebody's choice. Idea: a URI is taken apart here, within a small alphabet, and everything else is
// refused with a sentence. Deliberately absent: escapes, URI headers, parameters other than `transport`.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::config {

enum class SipScheme : std::uint8_t { sip, sips };
/// `any`: neither the URI nor its scheme says; RFC 3263 section 4.1 decides.
enum class SipTransport : std::uint8_t { any, udp, tcp, tls };
std::string_view to_string(SipTransport transport);

/// `sip:user@host:port;transport=tcp`
struct SipUri {
    SipScheme scheme{SipScheme::sip};
    std::string user;                  ///< empty: none
    std::string host;                  ///< a name in lower case, or an address without brackets
    std::optional<std::uint16_t> port; ///< 1 to 65535
    SipTransport transport{SipTransport::any};

    /// As it stands in a message, without the transport.
    std::string text() const;
    /// Host and port alone.
    std::string host_text() const;
    bool operator==(const SipUri&) const = default;
};
/// With the transport, as people read it.
std::string shown_uri(const SipUri& uri);
/// A sentence on failure.
std::expected<SipUri, std::string> parse_sip_uri(std::string_view text);

/// Response codes: `503`, `5xx`, `500-599`.
class SipCodes {
public:
    static constexpr std::size_t ranges_max = 64;

    bool contains(std::uint16_t code) const;
    bool empty() const { return ranges_.empty(); }
    /// Adds a comma-separated list; a sentence on failure.
    std::expected<void, std::string> add(std::string_view list);
    bool operator==(const SipCodes&) const = default;

private:
    std::vector<std::pair<std::uint16_t, std::uint16_t>> ranges_; ///< both ends belong to it
};

/// Printable ASCII of at most 256 octets: what a header field may get from a file.
bool is_header_text(std::string_view text);
/// Of the form of a SIP method, at most 32 octets.
bool is_sip_method(std::string_view text);

} // namespace tandem::config
