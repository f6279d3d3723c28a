// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Who asks, and what may they: from a certificate's names or a bearer token to a name and a scope.
//
// Problem: whoever can move a virtual address must be somebody. Idea: a caller has a name in the file. A
// token is 256 random bits, of which the file has the SHA-256: what cannot be guessed needs no slow hash, and
// a slow one would let strangers spend our time. All hashes are compared, each in constant time. Who presents
// a token is judged by it, whatever certificate stands beside it. Deliberately absent: the check of a
// certificate's chain (TLS does it before anything is read here).

#include "control/config/api_settings.hh"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::https {

struct Identity {
    std::string name;
    config::ApiScope scope{config::ApiScope::read};
};

/// Nothing was presented, or it is nobody's.
enum class Stranger : std::uint8_t { nothing, wrong_token, unknown_certificate };

struct Credentials {
    std::optional<std::string_view> authorization; ///< the field's value
    /// Of the verified certificate: common names and alternative names; nothing: there was none.
    const std::vector<std::string>* certificate{nullptr};
};

std::expected<Identity, Stranger> identify(const config::Api& settings, const Credentials& credentials);

config::ApiToken::Digest digest_of(std::string_view token);

} // namespace tandem::https
