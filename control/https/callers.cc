// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/callers.hh"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

namespace tandem::https {
namespace {

/// The token of "Bearer TOKEN" (RFC 6750 section 2.1; the scheme in either case, RFC 9110 section 11.1).
std::optional<std::string_view> bearer(std::string_view field) {
    constexpr std::string_view scheme = "bearer ";
    const auto same = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + ('a' - 'A') == b); };
    if (field.size() <= scheme.size() || !std::ranges::equal(field.substr(0, scheme.size()), scheme, same))
        return std::nullopt;
    return field.substr(scheme.size());
}

} // namespace

config::ApiToken::Digest digest_of(std::string_view token) {
    config::ApiToken::Digest digest{};
    unsigned size = 0;
    // Fails only without the algorithm: there is nothing to go on with.
    if (EVP_Digest(token.data(), token.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1 ||
        size != digest.size())
        std::abort();
    return digest;
}

std::expected<Identity, Stranger> identify(const config::Api& settings, const Credentials& credentials) {
    if (credentials.authorization) {
        const auto token = bearer(*credentials.authorization);
        const auto digest = digest_of(token.value_or(std::string_view{}));
        const config::ApiToken* found = nullptr;
        for (const config::ApiToken& known : settings.tokens)
            if (CRYPTO_memcmp(known.digest.data(), digest.data(), digest.size()) == 0)
                found = &known;
        if (!token || found == nullptr)
            return std::unexpected(Stranger::wrong_token);
        return Identity{found->name, found->scope};
    }
    if (credentials.certificate == nullptr)
        return std::unexpected(Stranger::nothing);
    for (const std::string& name : *credentials.certificate)
        for (const config::ApiClient& client : settings.clients)
            if (client.name == name)
                return Identity{client.name, client.scope};
    return std::unexpected(Stranger::unknown_certificate);
}

} // namespace tandem::https
