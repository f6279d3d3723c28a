// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[api]`: who may ask this node over HTTPS, and at what price. No section: nobody, and nothing listens.

#include "dataplane/wire/address.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

/// What a caller may do: look, or have something done as well.
enum class ApiScope : std::uint8_t { read, act };

struct ApiEndpoint {
    wire::IpAddress address; ///< 0.0.0.0 and :: are every address of the family
    std::uint16_t port{7443};
    bool operator==(const ApiEndpoint&) const = default;
};

/// `[[api.client]]`: whose certificate has this name, and was issued by the authority in `client_ca_file`.
struct ApiClient {
    std::string name;
    ApiScope scope{ApiScope::read};
    bool operator==(const ApiClient&) const = default;
};

/// `[[api.token]]`: who presents the token that has this digest.
struct ApiToken {
    using Digest = std::array<std::uint8_t, 32>;
    std::string name;
    Digest digest{}; ///< SHA-256 of the token; `hash = "sha256:..."`
    ApiScope scope{ApiScope::read};
    bool operator==(const ApiToken&) const = default;
};

struct Api {
    static constexpr std::size_t callers_max = 256; ///< of either kind

    std::vector<ApiEndpoint> listen;
    std::string user{"tandem-api"}; ///< who the program runs as; the brain lets this user act
    std::string certificate;        ///< of this server, PEM; with what leads to its authority
    std::string key;
    std::string client_ca_file;              ///< empty: certificates of clients are not asked for
    std::vector<wire::Prefix> remote_access; ///< empty: every address may try
    std::string remote_access_pattern;       ///< that an address must match too; empty: none
    std::uint32_t rate_per_minute{120};      ///< of one address; an IPv6 address counts with its /64
    std::uint32_t burst{20};
    std::size_t body_max{64 * 1024};
    std::size_t header_max{8 * 1024};
    std::size_t connections_max{64};
    std::size_t connections_per_address{8};
    std::vector<ApiClient> clients;
    std::vector<ApiToken> tokens;
    bool operator==(const Api&) const = default;
};

/// Reads "sha256:" and 64 hexadecimal digits.
std::optional<ApiToken::Digest> read_token_hash(std::string_view text);
std::string write_token_hash(const ApiToken::Digest& digest);

} // namespace tandem::config
