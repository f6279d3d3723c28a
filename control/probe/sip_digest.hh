// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Digest authentication, the client's side (RFC 2617, RFC 8760): MD5 and SHA-256, qop=auth or none.
//
// Deliberately absent: auth-int, sessions, SHA-512-256, and the password in any text that is shown.

#include <optional>
#include <string>
#include <string_view>

namespace tandem::probe {

struct SipCredentials {
    std::string user;
    std::string password;
};

enum class DigestAlgorithm : std::uint8_t { md5, sha256 };

struct DigestChallenge {
    std::string realm;
    std::string nonce;
    std::optional<std::string> opaque;
    DigestAlgorithm algorithm{DigestAlgorithm::md5};
    bool named{false};    ///< the algorithm was
    bool with_qop{false}; ///< auth is offered
};

/// Of the value of WWW-Authenticate or Proxy-Authenticate; nothing: another scheme, malformed, or nothing
/// that we can do.
std::optional<DigestChallenge> read_challenge(std::string_view value);

/// The value of Authorization or Proxy-Authorization. `cnonce`: unpredictable. Nothing: the library has no
/// such algorithm.
std::optional<std::string> answer_challenge(const DigestChallenge& challenge,
                                            const SipCredentials& credentials, std::string_view method,
                                            std::string_view uri, std::string_view cnonce);

} // namespace tandem::probe
