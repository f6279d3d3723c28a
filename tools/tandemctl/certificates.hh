// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A small authority for the pair: its key, and certificates for servers and callers.
//
// Problem: whoever must first find out how to make an authority uses no certificates. Idea: one folder with
// the authority's key, made once; every certificate is an EC key (P-256) and what the authority says of it.
// Deliberately absent: revocation lists (a caller is revoked by removing its [[api.client]]).

#include "dataplane/wire/address.hh"

#include <expected>
#include <string>
#include <vector>

namespace tandem::ctl {

enum class Purpose : std::uint8_t { server, client };

struct CertificateOrder {
    std::string directory; ///< of the authority; NAME.pem and NAME.key are put there too
    std::string name;
    Purpose purpose{Purpose::client};
    std::vector<std::string> addresses; ///< of a server: what its callers connect to, beside its name
    int days{3650};
};

/// Makes ca.pem and ca.key unless both are there; whether it made them. A sentence on failure.
std::expected<bool, std::string> make_authority(const std::string& directory, int days);

/// Makes NAME.pem and NAME.key; refuses to overwrite. A sentence on failure.
std::expected<void, std::string> issue(const CertificateOrder& order);

} // namespace tandem::ctl
