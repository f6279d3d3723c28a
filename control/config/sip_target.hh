// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What `[[group.check]]` says of the methods `sip` and `registration`.

#include "control/config/sip_uri.hh"

#include "dataplane/wire/address.hh"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

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
    std::vector<wire::IpAddress> name_servers; ///< empty: those of the machine

    std::string_view method() const { return "sip"; }
    std::string shown() const { return shown_uri(uri); }
    wire::IpAddress asked() const { return wire::IpAddress::parse(uri.host).value_or(wire::IpAddress{}); }
    std::string_view silence() const { return "does not answer"; }
    std::string_view wellness() const { return "answers"; }
    /// Whether a final response with this code is a good answer.
    bool accepts(std::uint16_t code) const {
        return !failing.contains(code) && (expected.empty() || expected.contains(code));
    }
    bool operator==(const SipTarget&) const = default;
};

/// `method = "registration"`: a synthetic account.
struct RegistrationTarget {
    SipUri uri;                                   ///< the address of record, with a user
    std::optional<SipUri> proxy;                  ///< where everything is sent; absent: to the host of `uri`
    std::string user;                             ///< for the digest; empty: that of the URI
    std::string password_file;                    ///< its first line; empty: none
    std::string password_variable;                ///< an environment variable; empty: none
    std::chrono::milliseconds step_timeout{5000}; ///< of each step
    unsigned max_forwards{70};
    std::string user_agent{"tandem"};
    SipTls tls;
    std::vector<wire::IpAddress> name_servers; ///< empty: those of the machine

    /// Where everything is sent.
    const SipUri& way() const { return proxy ? *proxy : uri; }
    std::string_view method() const { return "registration"; }
    std::string shown() const { return shown_uri(uri); }
    wire::IpAddress asked() const { return wire::IpAddress::parse(way().host).value_or(wire::IpAddress{}); }
    std::string_view silence() const { return "does not register and call"; }
    std::string_view wellness() const { return "registers and calls"; }
    bool operator==(const RegistrationTarget&) const = default;
};

} // namespace tandem::config
