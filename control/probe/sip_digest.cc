// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_digest.hh"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tandem::probe {
namespace {

constexpr std::size_t value_max = 512;

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

struct Parameter {
    std::string name;
    std::string value; ///< without quotes, as it stands between them
};

/// Takes `name=value` or `name="value"` off the front, with the comma behind it.
std::optional<Parameter> take_parameter(std::string_view& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos)
        return std::nullopt;
    Parameter parameter{lowered(trimmed(text.substr(0, equals))), {}};
    text = trimmed(text.substr(equals + 1));
    if (text.starts_with('"')) {
        std::size_t end = 1;
        while (end < text.size() && text[end] != '"')
            end += text[end] == '\\' ? 2 : 1;
        if (end >= text.size())
            return std::nullopt;
        parameter.value = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
    } else {
        parameter.value = trimmed(text.substr(0, text.find(',')));
        text.remove_prefix(std::min(text.find(','), text.size()));
    }
    text = trimmed(text);
    if (text.starts_with(','))
        text.remove_prefix(1);
    else if (!text.empty())
        return std::nullopt;
    text = trimmed(text);
    const bool plain = std::all_of(parameter.value.begin(), parameter.value.end(), [](char c) {
        return static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
    });
    if (!plain || parameter.value.size() > value_max || parameter.name.empty())
        return std::nullopt;
    return parameter;
}

bool offers_auth(std::string_view list) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (lowered(trimmed(list.substr(0, comma))) == "auth")
            return true;
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return false;
}

std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            result += '\\';
        result += c;
    }
    return result + "\"";
}

std::optional<std::string> hash(DigestAlgorithm algorithm, std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> octets{};
    unsigned length = 0;
    const EVP_MD* const kind = algorithm == DigestAlgorithm::md5 ? EVP_md5() : EVP_sha256();
    if (EVP_Digest(text.data(), text.size(), octets.data(), &length, kind, nullptr) != 1)
        return std::nullopt;
    std::string result;
    for (unsigned i = 0; i < length; ++i) {
        result += digits[octets[i] >> 4U];
        result += digits[octets[i] & 0xfU];
    }
    return result;
}

} // namespace

std::optional<DigestChallenge> read_challenge(std::string_view value) {
    constexpr std::string_view scheme = "digest ";
    value = trimmed(value);
    if (value.size() < scheme.size() || lowered(value.substr(0, scheme.size())) != scheme)
        return std::nullopt;
    value = trimmed(value.substr(scheme.size()));
    DigestChallenge challenge;
    bool has_qop = false;
    for (int i = 0; i < 32 && !value.empty(); ++i) {
        const auto parameter = take_parameter(value);
        if (!parameter)
            return std::nullopt;
        const std::string& name = parameter->name;
        if (name == "realm") {
            challenge.realm = parameter->value;
        } else if (name == "nonce") {
            challenge.nonce = parameter->value;
        } else if (name == "opaque") {
            challenge.opaque = parameter->value;
        } else if (name == "qop") {
            has_qop = true;
            challenge.with_qop = offers_auth(parameter->value);
        } else if (name == "algorithm") {
            const std::string algorithm = lowered(parameter->value);
            if (algorithm != "md5" && algorithm != "sha-256")
                return std::nullopt;
            challenge.named = true;
            challenge.algorithm = algorithm == "md5" ? DigestAlgorithm::md5 : DigestAlgorithm::sha256;
        }
    }
    if (!value.empty() || challenge.nonce.empty() || (has_qop && !challenge.with_qop))
        return std::nullopt;
    return challenge;
}

std::optional<std::string> answer_challenge(const DigestChallenge& challenge,
                                            const SipCredentials& credentials, std::string_view method,
                                            std::string_view uri, std::string_view cnonce) {
    constexpr std::string_view count = "00000001"; // each nonce is used once
    const auto kind = challenge.algorithm;
    const auto secret = hash(kind, credentials.user + ":" + challenge.realm + ":" + credentials.password);
    const auto request = hash(kind, std::string{method} + ":" + std::string{uri});
    if (!secret || !request)
        return std::nullopt;
    std::string middle = ":" + challenge.nonce + ":";
    if (challenge.with_qop)
        middle += std::string{count} + ":" + std::string{cnonce} + ":auth:";
    const auto response = hash(kind, *secret + middle + *request);
    if (!response)
        return std::nullopt;
    // What the server said goes back as it stood between its quotes.
    std::string value = "Digest username=" + quoted(credentials.user) + ", realm=\"" + challenge.realm +
                        "\", nonce=\"" + challenge.nonce + "\", uri=\"" + std::string{uri} +
                        "\", response=\"" + *response + "\"";
    if (challenge.named)
        value += kind == DigestAlgorithm::md5 ? ", algorithm=MD5" : ", algorithm=SHA-256";
    if (challenge.opaque)
        value += ", opaque=\"" + *challenge.opaque + "\"";
    if (challenge.with_qop)
        value += ", qop=auth, nc=" + std::string{count} + ", cnonce=\"" + std::string{cnonce} + "\"";
    return value;
}

} // namespace tandem::probe
