// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// TLS towards callers: version 1.2 or newer, forward secrecy, authenticated encryption; no renegotiation, no
// compression, no resumption (a session that outlives the certificate's removal would be one more thing to
// forget).

#include "control/config/api_settings.hh"

#include <boost/asio/ssl/context.hpp>

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::https {

/// The contents of the files, read at once, so that what is compared is what is used.
struct TlsMaterial {
    std::string certificate;
    std::string key;
    std::string authorities; ///< empty: certificates of clients are not asked for
    bool operator==(const TlsMaterial&) const = default;
    ~TlsMaterial();
};

/// A sentence when a file is not there, cannot be read, or is a key that others may read.
std::expected<TlsMaterial, std::string> read_material(const config::Api& settings);

/// A sentence on what does not fit.
std::expected<std::shared_ptr<boost::asio::ssl::context>, std::string>
make_context(const TlsMaterial& material);

/// The common names and the alternative names (DNS, mail) of the client's verified certificate, as far as a
/// caller can have them; nothing: it presented none.
std::optional<std::vector<std::string>> certificate_names(SSL* session);

} // namespace tandem::https
