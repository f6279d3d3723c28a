// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Whose certificate is it? (RFC 5922 section 7)
//
// Deliberately absent: the chain, which the library has checked, and wildcards, which SIP does not know
// (section 7.2).

#include <openssl/x509.h>

#include <string_view>

namespace tandem::probe {

/// Whether the certificate is for that domain: by a `sip:` URI or a DNS name among its subject alternative
/// names; by an IP address there when `domain` is one; by its common name only when it has none of them.
bool certificate_is_for(const X509* certificate, std::string_view domain);

} // namespace tandem::probe
