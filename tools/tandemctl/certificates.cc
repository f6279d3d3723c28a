// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/tandemctl/certificates.hh"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace tandem::ctl {
namespace {

template <auto free>
struct Free {
    template <class T>
    void operator()(T* object) const {
        free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Sentence = std::expected<void, std::string>;

std::unexpected<std::string> failed(const std::string& what) {
    return std::unexpected(what + ": " + std::strerror(errno));
}

/// A file that was not there before.
Sentence write_new(const std::string& name, BIO* content, mode_t mode) {
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file < 0)
        return failed(name + " cannot be made");
    char* data = nullptr;
    const long size = BIO_get_mem_data(content, &data);
    bool good = ::fchmod(file, mode) == 0;
    for (long at = 0; good && at < size;) {
        const ssize_t written = ::write(file, data + at, static_cast<std::size_t>(size - at));
        good = written > 0;
        at += written;
    }
    good = good && ::fsync(file) == 0;
    const int why = errno;
    ::close(file);
    if (good)
        return {};
    errno = why;
    const auto wrong = failed(name + " cannot be written");
    ::unlink(name.c_str());
    return wrong;
}

Sentence write_pair(const std::string& stem, EVP_PKEY* key, X509* certificate) {
    const Bio secret{BIO_new(BIO_s_secmem())};
    const Bio open{BIO_new(BIO_s_mem())};
    if (!secret || !open ||
        PEM_write_bio_PKCS8PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio_X509(open.get(), certificate) != 1)
        return std::unexpected(std::string{"the key cannot be written as text"});
    if (const auto written = write_new(stem + ".key", secret.get(), 0600); !written)
        return written;
    if (const auto written = write_new(stem + ".pem", open.get(), 0644); !written) {
        ::unlink((stem + ".key").c_str());
        return written;
    }
    return {};
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension{
        X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// With a name, a number, a time and its key; not signed yet.
Certificate blank(const std::string& name, EVP_PKEY* key, int days) {
    Certificate certificate{X509_new()};
    std::array<unsigned char, 16> number{};
    if (!certificate || RAND_bytes(number.data(), static_cast<int>(number.size())) != 1)
        return nullptr;
    number[0] = static_cast<unsigned char>((number[0] & 0x7fU) | 0x40U); // positive, and of full length
    const std::unique_ptr<BIGNUM, Free<BN_free>> big{
        BN_bin2bn(number.data(), static_cast<int>(number.size()), nullptr)};
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    constexpr long second_version = 2;      // counted from 0: X.509 version 3
    constexpr long yesterday = -24L * 3600; // the other machine's clock may be behind
    const bool good = big && X509_set_version(certificate.get(), second_version) == 1 &&
                      BN_to_ASN1_INTEGER(big.get(), X509_get_serialNumber(certificate.get())) != nullptr &&
                      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), yesterday) != nullptr &&
                      X509_time_adj_ex(X509_getm_notAfter(certificate.get()), days, 0, nullptr) != nullptr &&
                      X509_set_pubkey(certificate.get(), key) == 1 &&
                      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                                 reinterpret_cast<const unsigned char*>(name.data()),
                                                 static_cast<int>(name.size()), -1, 0) == 1;
    return good ? std::move(certificate) : nullptr;
}

struct Authority {
    Key key;
    Certificate certificate;
};

std::expected<Authority, std::string> load_authority(const std::string& directory) {
    Authority authority;
    const Bio key{BIO_new_file((directory + "/ca.key").c_str(), "r")};
    const Bio certificate{BIO_new_file((directory + "/ca.pem").c_str(), "r")};
    if (key)
        authority.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
    if (certificate)
        authority.certificate.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
    if (!authority.key || !authority.certificate ||
        X509_check_private_key(authority.certificate.get(), authority.key.get()) != 1)
        return std::unexpected(directory + " has no authority that can be used: ca.pem and ca.key");
    return authority;
}

bool is_there(const std::string& name) {
    struct stat status {};
    return ::lstat(name.c_str(), &status) == 0;
}

} // namespace

std::expected<bool, std::string> make_authority(const std::string& directory, int days) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return failed(directory + " cannot be made");
    if (is_there(directory + "/ca.pem") && is_there(directory + "/ca.key"))
        return false;
    const Key key{EVP_EC_gen("P-256")};
    const Certificate certificate = key ? blank("tandem authority", key.get(), days) : nullptr;
    if (!certificate ||
        X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) != 1 ||
        !add_extension(certificate.get(), certificate.get(), NID_basic_constraints,
                       "critical,CA:TRUE,pathlen:0") ||
        !add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash") ||
        X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0)
        return std::unexpected(std::string{"the authority cannot be made"});
    if (const auto written = write_pair(directory + "/ca", key.get(), certificate.get()); !written)
        return std::unexpected(written.error());
    return true;
}

Sentence issue(const CertificateOrder& order) {
    const auto authority = load_authority(order.directory);
    if (!authority)
        return std::unexpected(authority.error());
    const bool server = order.purpose == Purpose::server;
    std::string names = "DNS:" + order.name;
    for (const std::string& text : order.addresses) {
        const auto address = wire::IpAddress::parse(text);
        if (!address)
            return std::unexpected(std::string{"an address of a server must be an IP address"});
        names += ",IP:" + address->to_string();
    }
    const Key key{EVP_EC_gen("P-256")};
    const Certificate certificate = key ? blank(order.name, key.get(), order.days) : nullptr;
    X509* issuer = authority->certificate.get();
    if (!certificate || X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) != 1 ||
        !add_extension(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(certificate.get(), issuer, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(certificate.get(), issuer, NID_ext_key_usage, server ? "serverAuth" : "clientAuth") ||
        !add_extension(certificate.get(), issuer, NID_subject_key_identifier, "hash") ||
        !add_extension(certificate.get(), issuer, NID_authority_key_identifier, "keyid") ||
        !add_extension(certificate.get(), issuer, NID_subject_alt_name, names) ||
        X509_sign(certificate.get(), authority->key.get(), EVP_sha256()) == 0)
        return std::unexpected("the certificate of " + order.name + " cannot be made");
    return write_pair(order.directory + "/" + order.name, key.get(), certificate.get());
}

} // namespace tandem::ctl
