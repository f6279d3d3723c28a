// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/address.hh"

#include <algorithm>

namespace tandem::mail {
namespace {

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

bool is_domain(std::string_view domain) {
    if (domain.size() > 2 && domain.front() == '[' && domain.back() == ']') // an address literal
        return domain.size() <= 60 && std::ranges::all_of(domain.substr(1, domain.size() - 2), [](char c) {
                   return is_letter_or_digit(c) || c == '.' || c == ':';
               });
    if (domain.empty() || domain.size() > 253)
        return false;
    for (;;) {
        const auto dot = domain.find('.');
        if (!is_label(domain.substr(0, dot)))
            return false;
        if (dot == std::string_view::npos)
            return true;
        domain.remove_prefix(dot + 1);
    }
}

} // namespace

std::expected<void, std::string> check_address(std::string_view address) {
    constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~";
    const auto wrong = [](const char* what) { return std::unexpected(std::string{what}); };
    if (address.empty())
        return wrong("the address is empty");
    if (address.size() > 254)
        return wrong("the address is too long");
    const auto at = address.rfind('@');
    if (at == std::string_view::npos)
        return wrong("the address has no @");
    const std::string_view local = address.substr(0, at);
    if (local.empty() || local.size() > 64 || local.front() == '.' || local.back() == '.' ||
        local.find("..") != std::string_view::npos || !std::ranges::all_of(local, [&](char c) {
            return is_letter_or_digit(c) || c == '.' || others.find(c) != std::string_view::npos;
        }))
        return wrong("what stands before the @ is no plain mailbox name");
    if (!is_domain(address.substr(at + 1)))
        return wrong("what stands behind the @ is no host name");
    return {};
}

bool is_host_name(std::string_view name) {
    return is_domain(name);
}

bool is_host(std::string_view name) {
    if (name.find(':') == std::string_view::npos)
        return is_domain(name) && name.front() != '[';
    return name.size() <= 45 && std::ranges::all_of(name, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                      c == ':' || c == '.';
           });
}

} // namespace tandem::mail
