// SPDX-License-Identifier: GPL-3.0-or-later

#include "control/link/tls.hh"

#include "dataplane/wire/ha_frame.hh"

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <string_view>

namespace tandem::link {

namespace ssl = boost::asio::ssl;

namespace {

constexpr std::string_view datagram_label = "EXPORTER-tandem-datagram";
constexpr std::string_view association_label = "EXPORTER-tandem-association";
/// TLS_AES_128_GCM_SHA256 (RFC 8446 appendix B.4).
constexpr std::array<unsigned char, 2> cipher_suite{0x13, 0x01};

int secret_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// The environment lacks what tandem is built on; there is nothing to go on with.
void require(bool condition) {
    if (!condition)
        std::abort();
}

bool export_octets(SSL* session, std::string_view label, std::span<const std::uint8_t> context,
                   std::span<std::uint8_t> out) {
    return SSL_export_keying_material(session, out.data(), out.size(), label.data(), label.size(),
                                      context.data(), context.size(), 1) == 1;
}

/// The key for what node `from` sends on one channel.
bool export_key(SSL* session, wire::HaType channel, std::uint8_t from, contract::DatagramKey& key) {
    const std::array<std::uint8_t, 2> context{static_cast<std::uint8_t>(channel), from};
    std::array<std::uint8_t, std::tuple_size_v<decltype(key.key)> + std::tuple_size_v<decltype(key.iv)>>
        octets;
    if (!export_octets(session, datagram_label, context, octets))
        return false;
    std::copy_n(octets.begin(), key.key.size(), key.key.begin());
    std::copy_n(octets.begin() + key.key.size(), key.iv.size(), key.iv.begin());
    OPENSSL_cleanse(octets.data(), octets.size());
    return true;
}

} // namespace

struct Tls::Secret {
    std::string identity;
    std::string key;

    ~Secret() { OPENSSL_cleanse(key.data(), key.size()); }

    /// A "session" that stands for the external key. The library takes it over.
    SSL_SESSION* to_session(SSL* connection) const {
        const SSL_CIPHER* cipher = SSL_CIPHER_find(connection, cipher_suite.data());
        SSL_SESSION* session = SSL_SESSION_new();
        if (cipher != nullptr && session != nullptr &&
            SSL_SESSION_set1_master_key(session, reinterpret_cast<const unsigned char*>(key.data()),
                                        key.size()) == 1 &&
            SSL_SESSION_set_cipher(session, cipher) == 1 &&
            SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
            return session;
        SSL_SESSION_free(session);
        return nullptr;
    }

    static const Secret& of(SSL* connection) {
        return *static_cast<const Secret*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), secret_index()));
    }

    // The connector offers the key ...
    static int use(SSL* connection, const EVP_MD*, const unsigned char** identity, std::size_t* length,
                   SSL_SESSION** session) {
        const Secret& secret = of(connection);
        *identity = reinterpret_cast<const unsigned char*>(secret.identity.data());
        *length = secret.identity.size();
        *session = secret.to_session(connection);
        return *session != nullptr ? 1 : 0;
    }

    // ... and the listener looks it up. Without the key the handshake fails here: there is no certificate to
    // go on with.
    static int find(SSL* connection, const unsigned char* identity, std::size_t length,
                    SSL_SESSION** session) {
        const Secret& secret = of(connection);
        *session = nullptr;
        if (std::string_view(reinterpret_cast<const char*>(identity), length) != secret.identity)
            return 1; // unknown: the library goes on to the next identity, and fails after the last
        *session = secret.to_session(connection);
        return *session != nullptr ? 1 : 0;
    }
};

Tls::Tls(Side side, const std::string& pair_id, const std::string& pair_key)
    : side_(side)
    , context_(ssl::context::tlsv13)
    , secret_(new Secret{"tandem/" + pair_id, pair_key}) {
    require(pair_key.size() == 32);
    SSL_CTX* context = context_.native_handle();
    require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
            SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
            SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
            SSL_CTX_set_ex_data(context, secret_index(), secret_.get()) == 1 &&
            SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_max_early_data(context, 0) == 1);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_clear_options(context, SSL_OP_ALLOW_NO_DHE_KEX); // psk_dhe_ke only: forward secrecy
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (side == Side::connector) {
        // A listener without the key could still answer with a certificate; no certificate is trusted.
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_psk_use_session_callback(context, &Secret::use);
    } else {
        SSL_CTX_set_psk_find_session_callback(context, &Secret::find);
    }
}

Tls::~Tls() = default;

bool proved_key(SSL* session) {
    return SSL_version(session) == TLS1_3_VERSION && SSL_session_reused(session) == 1;
}

std::optional<Association> derive(SSL* session, std::uint8_t own, std::uint8_t peer) {
    Association association;
    std::array<std::uint8_t, 4> id{};
    if (!export_octets(session, association_label, {}, id) ||
        !export_key(session, wire::HaType::heartbeat, own, association.heartbeat_transmit) ||
        !export_key(session, wire::HaType::heartbeat, peer, association.heartbeat_receive) ||
        !export_key(session, wire::HaType::mirror, own, association.mirror_transmit) ||
        !export_key(session, wire::HaType::mirror, peer, association.mirror_receive))
        return std::nullopt;
    for (const std::uint8_t octet : id)
        association.id = association.id << 8 | octet;
    if (association.id == 0)
        association.id = 1; // 0 means none
    return association;
}

} // namespace tandem::link
