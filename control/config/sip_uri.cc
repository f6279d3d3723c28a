// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/sip_uri.hh"

#include "dataplane/wire/address.hh"

#include <algorithm>
#include <charconv>

namespace tandem::config {
namespace {

constexpr std::size_t user_max = 64;
constexpr std::size_t host_max = 253;

constexpr bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

std::optional<std::uint16_t> number(std::string_view text) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// unreserved and user-unreserved of RFC 3261 section 25.1
bool is_user(std::string_view text) {
    return !text.empty() && text.size() <= user_max && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || std::string_view{"-_.!~*'()&=+$,/"}.find(c) != std::string_view::npos;
    });
}

/// Labels of letters, digits, hyphens and underscores.
bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > host_max)
        return false;
    std::size_t label = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!(is_alphanumeric(c) || c == '-' || c == '_') || ++label > 63) {
            return false;
        }
    }
    // An address with a number too many is no name.
    return text.back() != '.' &&
           !std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

std::optional<std::string> take_host(std::string_view& rest) {
    if (rest.starts_with('[')) {
        const std::size_t end = rest.find(']');
        if (end == std::string_view::npos)
            return std::nullopt;
        const auto address = wire::IpAddress::parse(rest.substr(1, end - 1));
        rest.remove_prefix(end + 1);
        if (!address || !address->is_v6())
            return std::nullopt;
        return address->to_string();
    }
    const std::string_view host = rest.substr(0, rest.find_first_of(":;"));
    rest.remove_prefix(host.size());
    if (const auto address = wire::IpAddress::parse(host))
        return address->to_string();
    if (!is_host_name(host))
        return std::nullopt;
    return lowered(host);
}

} // namespace

std::string_view to_string(SipTransport transport) {
    switch (transport) {
    case SipTransport::any:
        return "any";
    case SipTransport::udp:
        return "UDP";
    case SipTransport::tcp:
        return "TCP";
    case SipTransport::tls:
        return "TLS";
    }
    return "?";
}

std::string SipUri::host_text() const {
    std::string result = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port)
        result += ":" + std::to_string(*port);
    return result;
}

std::string SipUri::text() const {
    return (scheme == SipScheme::sips ? "sips:" : "sip:") + (user.empty() ? "" : user + "@") + host_text();
}

std::string shown_uri(const SipUri& uri) {
    switch (uri.transport) {
    case SipTransport::udp:
        return uri.text() + ";transport=udp";
    case SipTransport::tcp:
        return uri.text() + ";transport=tcp";
    case SipTransport::tls:
        return uri.text() + (uri.scheme == SipScheme::sips ? "" : ";transport=tls");
    case SipTransport::any:
        break;
    }
    return uri.text();
}

std::expected<SipUri, std::string> parse_sip_uri(std::string_view text) {
    SipUri uri;
    const std::size_t colon = text.find(':');
    const std::string scheme = lowered(text.substr(0, colon));
    if (colon == std::string_view::npos || (scheme != "sip" && scheme != "sips"))
        return std::unexpected("a SIP URI begins with sip: or sips:");
    uri.scheme = scheme == "sips" ? SipScheme::sips : SipScheme::sip;
    std::string_view rest = text.substr(colon + 1);
    if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
        uri.user = rest.substr(0, at);
        if (!is_user(uri.user))
            return std::unexpected("the user in the URI has characters that it must not have, or too many");
        rest.remove_prefix(at + 1);
    }
    auto host = take_host(rest);
    if (!host)
        return std::unexpected("the URI has no valid host: a name, an IPv4 address, or [IPv6 address]");
    uri.host = std::move(*host);
    if (rest.starts_with(':')) {
        const std::string_view port = rest.substr(1, rest.find(';') - 1);
        uri.port = number(port);
        if (!uri.port || *uri.port == 0)
            return std::unexpected("the port in the URI must be 1 to 65535");
        rest.remove_prefix(1 + port.size());
    }
    if (rest.empty())
        return uri;
    const std::string parameter = lowered(rest);
    if (parameter == ";transport=udp" && uri.scheme == SipScheme::sip)
        uri.transport = SipTransport::udp;
    else if (parameter == ";transport=tcp") // RFC 3261 section 26.2.2: with sips it is TLS over TCP
        uri.transport = uri.scheme == SipScheme::sips ? SipTransport::tls : SipTransport::tcp;
    else if (parameter == ";transport=tls")
        uri.transport = SipTransport::tls;
    else
        return std::unexpected(
            "behind the host only ;transport=udp, tcp or tls can stand, and no udp with sips:");
    return uri;
}

bool SipCodes::contains(std::uint16_t code) const {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [code](const auto& range) { return code >= range.first && code <= range.second; });
}

std::expected<void, std::string> SipCodes::add(std::string_view list) {
    for (bool more = true; more;) {
        const std::size_t comma = list.find(',');
        const std::string_view item = trimmed(list.substr(0, comma));
        more = comma != std::string_view::npos;
        list.remove_prefix(more ? comma + 1 : list.size());
        const std::size_t dash = item.find('-');
        std::optional<std::uint16_t> from;
        std::optional<std::uint16_t> to;
        if (item.size() == 3 && lowered(item.substr(1)) == "xx" && item[0] >= '2' && item[0] <= '6') {
            from = static_cast<std::uint16_t>((item[0] - '0') * 100);
            to = static_cast<std::uint16_t>(*from + 99);
        } else {
            from = number(trimmed(item.substr(0, dash)));
            to = dash == std::string_view::npos ? from : number(trimmed(item.substr(dash + 1)));
        }
        // Provisional responses are no answer; they can be neither expected nor feared.
        if (!from || !to || *from < 200 || *to > 699 || *from > *to)
            return std::unexpected("response codes are written 503, 5xx or 500-599, within 200 to 699");
        if (ranges_.size() == ranges_max)
            return std::unexpected("more than 64 response codes and ranges");
        ranges_.emplace_back(*from, *to);
    }
    return {};
}

bool is_header_text(std::string_view text) {
    return text.size() <= 256 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_sip_method(std::string_view text) {
    return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || std::string_view{"-.!%*_+`'~"}.find(c) != std::string_view::npos;
    });
}

} // namespace tandem::config
