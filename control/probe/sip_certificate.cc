// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_certificate.hh"

#include "dataplane/wire/address.hh"

#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <string>

namespace tandem::probe {
namespace {

bool same(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

/// With octets of zero inside it is another name than it seems.
std::string_view text_of(const ASN1_STRING* text) {
    const int length = ASN1_STRING_length(text);
    const auto* const octets = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    return length <= 0 ? std::string_view{} : std::string_view{octets, static_cast<std::size_t>(length)};
}

/// Section 7.1: a SIP URI without a user is the identity of a domain.
bool uri_is(std::string_view uri, std::string_view domain) {
    constexpr std::string_view scheme = "sip:";
    return uri.size() > scheme.size() && same(uri.substr(0, scheme.size()), scheme) &&
           same(uri.substr(scheme.size()), domain);
}

bool name_is(const GENERAL_NAME* name, std::string_view domain, const wire::IpAddress* address) {
    switch (name->type) {
    case GEN_URI:
        return address == nullptr && uri_is(text_of(name->d.uniformResourceIdentifier), domain);
    case GEN_DNS:
        return address == nullptr && same(text_of(name->d.dNSName), domain);
    case GEN_IPADD: {
        const std::string_view octets = text_of(name->d.iPAddress);
        return address != nullptr && octets.size() == address->size() &&
               std::equal(octets.begin(), octets.end(), address->octets.begin(),
                          [](char c, std::uint8_t octet) { return static_cast<std::uint8_t>(c) == octet; });
    }
    default:
        return false;
    }
}

bool common_name_is(const X509* certificate, std::string_view domain) {
    const X509_NAME* const subject = X509_get_subject_name(certificate);
    const int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (place < 0)
        return false;
    const X509_NAME_ENTRY* const entry = X509_NAME_get_entry(subject, place);
    return same(text_of(X509_NAME_ENTRY_get_data(entry)), domain);
}

} // namespace

bool certificate_is_for(const X509* certificate, std::string_view domain) {
    if (certificate == nullptr || domain.empty())
        return false;
    const auto address = wire::IpAddress::parse(domain);
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        &GENERAL_NAMES_free);
    if (!names)
        return common_name_is(certificate, domain);
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i)
        if (name_is(sk_GENERAL_NAME_value(names.get(), i), domain, address ? &*address : nullptr))
            return true;
    return false;
}

} // namespace tandem::probe
