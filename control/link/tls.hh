// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// TLS 1.3 with an external pre-shared key (RFC 8446 sections 2.2 and 4.2.11) and the keys exported from a
// session (section 7.5).
//
// Deliberately absent: certificates, tickets, resumption, early data, other versions and cipher suites. A
// side that does not prove the key gets no session: nothing else could authenticate it.

#include "control/link/stream.hh"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tandem::link {

enum class Side : std::uint8_t { listener, connector };

/// The TLS settings of one stream. Must outlive its sessions.
class Tls {
public:
    /// `pair_key`: exactly 32 octets. Aborts if the library cannot do what tandem is built on.
    Tls(Side side, const std::string& pair_id, const std::string& pair_key);
    ~Tls();
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;

    Side side() const { return side_; }
    boost::asio::ssl::context& context() { return context_; }

private:
    Side side_;
    boost::asio::ssl::context context_;
    struct Secret;
    std::unique_ptr<Secret> secret_;
};

/// Did this finished handshake prove the pair key? A handshake that a certificate authenticated did not.
bool proved_key(SSL* session);

/// The datagram keys of a session between the nodes `own` and `peer`; nothing if the library refused.
std::optional<Association> derive(SSL* session, std::uint8_t own, std::uint8_t peer);

} // namespace tandem::link
