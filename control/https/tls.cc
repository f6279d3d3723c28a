// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/tls.hh"

#include "control/api/message.hh"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace tandem::https {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

constexpr std::size_t file_size_max = 1024 * 1024;
constexpr const char* ciphers_before_13 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

enum class Secrecy : std::uint8_t { none, key };

std::expected<std::string, std::string> read_file(const std::string& name, Secrecy secrecy) {
    const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return std::unexpected(name + " cannot be opened: " + std::strerror(errno));
    struct stat status {};
    std::string text;
    std::array<char, 4096> buffer{};
    ssize_t size = -1;
    const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    while (regular && text.size() <= file_size_max && (size = ::read(file, buffer.data(), buffer.size())) > 0)
        text.append(buffer.data(), static_cast<std::size_t>(size));
    OPENSSL_cleanse(buffer.data(), buffer.size());
    ::close(file);
    if (!regular || size != 0 || text.empty())
        return std::unexpected(name + " cannot be read, or is not what it should be");
    if (secrecy == Secrecy::key && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        OPENSSL_cleanse(text.data(), text.size());
        return std::unexpected(name + " is a key that others may read; chmod o= it");
    }
    return text;
}

/// What a caller's name can be, and thus nothing that could not be printed.
void take_name(const ASN1_STRING* string, std::vector<std::string>& out) {
    constexpr std::size_t names_max = 64;
    const std::string_view text{reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                                static_cast<std::size_t>(ASN1_STRING_length(string))};
    if (out.size() < names_max && api::is_caller_name(text))
        out.emplace_back(text);
}

} // namespace

TlsMaterial::~TlsMaterial() {
    OPENSSL_cleanse(key.data(), key.size());
}

std::expected<TlsMaterial, std::string> read_material(const config::Api& settings) {
    TlsMaterial material;
    auto certificate = read_file(settings.certificate, Secrecy::none);
    if (!certificate)
        return std::unexpected(certificate.error());
    auto key = read_file(settings.key, Secrecy::key);
    if (!key)
        return std::unexpected(key.error());
    material.certificate = std::move(*certificate);
    material.key = std::move(*key);
    if (!settings.client_ca_file.empty()) {
        auto authorities = read_file(settings.client_ca_file, Secrecy::none);
        if (!authorities)
            return std::unexpected(authorities.error());
        material.authorities = std::move(*authorities);
    }
    return material;
}

std::expected<std::shared_ptr<ssl::context>, std::string> make_context(const TlsMaterial& material) {
    const auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX* native = context->native_handle();
    if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(native, ciphers_before_13) != 1)
        return std::unexpected(std::string{"the TLS library has not what is needed"});
    SSL_CTX_set_options(native, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(native, 0);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    error_code error;
    // A key with a pass phrase is an error, not a question at the terminal.
    context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string{}; },
                                   error);
    context->use_certificate_chain(boost::asio::buffer(material.certificate), error);
    if (error)
        return std::unexpected("[api] certificate is not a certificate in PEM: " + error.message());
    context->use_private_key(boost::asio::buffer(material.key), ssl::context::pem, error);
    if (error)
        return std::unexpected("[api] key is not the certificate's key in PEM: " + error.message());
    if (SSL_CTX_check_private_key(native) != 1)
        return std::unexpected(std::string{"[api] key is not that of the certificate"});
    if (material.authorities.empty())
        return context;
    context->add_certificate_authority(boost::asio::buffer(material.authorities), error);
    if (error)
        return std::unexpected("[api] client_ca_file has no certificate in PEM: " + error.message());
    // Asked for, not demanded: a token does as well.
    context->set_verify_mode(ssl::verify_peer, error);
    return context;
}

std::optional<std::vector<std::string>> certificate_names(SSL* session) {
    X509* certificate = SSL_get0_peer_certificate(session);
    if (certificate == nullptr || SSL_get_verify_result(session) != X509_V_OK)
        return std::nullopt;
    std::vector<std::string> names;
    const X509_NAME* subject = X509_get_subject_name(certificate);
    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
        take_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), names);
    auto* others =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(others); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(others, i);
        if (name->type == GEN_DNS || name->type == GEN_EMAIL)
            take_name(name->d.ia5, names);
    }
    GENERAL_NAMES_free(others);
    return names;
}

} // namespace tandem::https
