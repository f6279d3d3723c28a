// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What `[[group.check]]` says of the methods `sip` and `registration`.

#include "control/config/sip_uri.hh"

#include <optional>
#include <string>

namespace tandem::config {

enum class VerifyPeer : std::uint8_t { no, yes };

/// Of a target over TLS.
struct SipTls {
    VerifyPeer verify{VerifyPeer::yes};
    std::string ca_file;     ///< empty: the certificates of the system
    std::string server_name; ///< who the certificate must be for; empty: the host of the URI
    bool operator==(const SipTls&) const = default;
};

/// `method = "sip"`
struct SipTarget {
    SipUri uri;
    std::string sip_method{"OPTIONS"};
    std::string from; ///< a URI; empty: `sip:tandem@` and the own address
    unsigned max_forwards{70};
    std::string user_agent{"tandem"};
    SipCodes failing;  ///< `response_codes`: these are as bad as silence
    SipCodes expected; ///< `expect_codes`: only these are good; empty: not looked at
    SipTls tls;

    /// Whether a final response with this code is a good answer.
    bool accepts(std::uint16_t code) const {
        return !failing.contains(code) && (expected.empty() || expected.contains(code));
    }
    bool operator==(const SipTarget&) const = default;
};

/// `method = "registration"`: a synthetic account.
struct RegistrationTarget {
    SipUri uri;                    ///< the address of record, with a user
    std::optional<SipUri> proxy;   ///< where everything is sent; absent: to the host of `uri`
    std::string user;              ///< for the digest; empty: that of the URI
    std::string password_file;     ///< its first line; empty: none
    std::string password_variable; ///< an environment variable; empty: none
    unsigned max_forwards{70};
    std::string user_agent{"tandem"};
    SipTls tls;

    bool operator==(const RegistrationTarget&) const = default;
};

} // namespace tandem::config
