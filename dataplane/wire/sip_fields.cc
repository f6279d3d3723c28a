// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_fields.hh"

#include "dataplane/wire/sip_text.hh"

#include <algorithm>
#include <array>

namespace tandem::wire::sip_text {
namespace {

struct FieldName {
    std::string_view name;
    char compact; ///< 0: none
    Field field;
};

constexpr std::array<FieldName, 12> field_names{{
    {"Call-ID", 'i', Field::call_id},
    {"Contact", 'm', Field::contact},
    {"Content-Length", 'l', Field::content_length},
    {"CSeq", '\0', Field::cseq},
    {"Expires", '\0', Field::expires},
    {"From", 'f', Field::from},
    {"Max-Forwards", '\0', Field::max_forwards},
    {"Path", '\0', Field::path},
    {"Record-Route", '\0', Field::record_route},
    {"Route", '\0', Field::route},
    {"To", 't', Field::to},
    {"Via", 'v', Field::via},
}};

/// sent-by: a host, or an IPv6 address in brackets, and perhaps a port, with blanks around the colon.
bool take_sent_by(std::string_view& text, SipVia& via) noexcept {
    text = trim_left(text);
    std::size_t length = 0;
    if (!text.empty() && text.front() == '[') {
        length = text.find(']');
        if (length == std::string_view::npos)
            return false;
        ++length;
    } else {
        while (length < text.size() && text[length] != ':' && text[length] != ';' && !is_lws(text[length]))
            ++length;
    }
    if (length == 0)
        return false;
    via.host = text.substr(0, length);
    text = trim_left(text.substr(length));
    if (text.empty() || text.front() != ':')
        return true;
    text = trim_left(text.substr(1));
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits]))
        ++digits;
    const auto port = number(text.substr(0, digits), 65535);
    if (!port)
        return false;
    via.port = static_cast<std::uint16_t>(*port);
    text.remove_prefix(digits);
    return true;
}

bool set_via_parameter(const Parameter& parameter, SipVia& via) noexcept {
    if (same_ignoring_case(parameter.name, "branch") && via.branch.empty()) {
        via.branch = parameter.value;
    } else if (same_ignoring_case(parameter.name, "received") && via.received.empty()) {
        via.received = parameter.value;
    } else if (same_ignoring_case(parameter.name, "rport") && via.rport == SipRport::absent) {
        via.rport = SipRport::asked;
        if (!parameter.has_value)
            return true;
        const auto port = number(parameter.value, 65535);
        if (!port)
            return false;
        via.rport = SipRport::filled;
        via.rport_value = static_cast<std::uint16_t>(*port);
    }
    return true;
}

} // namespace

Field field_of(std::string_view name) noexcept {
    for (const FieldName& known : field_names) {
        if (name.size() == 1 ? known.compact != '\0' && known.compact == lower(name.front())
                             : same_ignoring_case(known.name, name))
            return known.field;
    }
    return Field::other;
}

std::optional<HeaderLine> split_header(std::string_view line) noexcept {
    const auto name = take_token(line);
    while (!line.empty() && is_blank(line.front()))
        line.remove_prefix(1);
    if (name.empty() || line.empty() || line.front() != ':')
        return std::nullopt;
    return HeaderLine{field_of(name), trim(line.substr(1))};
}

std::expected<CSeq, SipError> read_cseq(std::string_view value) noexcept {
    std::size_t digits = 0;
    while (digits < value.size() && is_digit(value[digits]))
        ++digits;
    // RFC 3261 section 8.1.1.5: less than 2^31.
    const auto sequence = number(value.substr(0, digits), 0x7fffffffU);
    const auto method = trim_left(value.substr(digits));
    if (!sequence || method.size() == value.size() - digits || !is_token(method))
        return std::unexpected(SipError::cseq_malformed);
    return CSeq{*sequence, method};
}

std::optional<SipVia> read_via(std::string_view value) noexcept {
    // Commas do not occur inside one value but in quoted strings: the first element is the topmost hop.
    auto first = take_element(value);
    if (!first)
        return std::nullopt;
    std::string_view text = *first;
    // sent-protocol: three tokens with a slash between, blanks around the slashes (RFC 3261 section 20.42).
    SipVia via;
    for (int part = 0; part < 3; ++part) {
        text = trim_left(text);
        if (part > 0) {
            if (text.empty() || text.front() != '/')
                return std::nullopt;
            text = trim_left(text.substr(1));
        }
        via.transport = take_token(text);
        if (via.transport.empty())
            return std::nullopt;
    }
    if (text.empty() || !is_lws(text.front()) || !take_sent_by(text, via))
        return std::nullopt;
    Parameter parameter;
    for (;;) {
        switch (take_parameter(text, parameter)) {
        case Step::end:
            return via;
        case Step::malformed:
            return std::nullopt;
        case Step::taken:
            if (!set_via_parameter(parameter, via))
                return std::nullopt;
            break;
        }
    }
}

std::optional<SipParty> read_party(std::string_view value) noexcept {
    const auto address = named_address(value);
    if (!address)
        return std::nullopt;
    SipParty party{address->uri, {}};
    std::string_view rest = address->parameters;
    Parameter parameter;
    for (;;) {
        switch (take_parameter(rest, parameter)) {
        case Step::end:
            return party;
        case Step::malformed:
            return std::nullopt;
        case Step::taken:
            if (party.tag.empty() && same_ignoring_case(parameter.name, "tag"))
                party.tag = parameter.value;
            break;
        }
    }
}

bool add_contacts(std::string_view value, SipContacts& contacts) noexcept {
    do {
        const auto element = take_element(value);
        if (!element || element->empty() || contacts.wildcard)
            return false;
        if (*element == "*") {
            // RFC 3261 section 10.2.2: the wildcard stands alone.
            if (++contacts.count > 1)
                return false;
            contacts.wildcard = true;
            continue;
        }
        const auto address = named_address(*element);
        if (!address)
            return false;
        SipContact contact{address->uri, {}};
        std::string_view rest = address->parameters;
        Parameter parameter;
        Step step = Step::end;
        while ((step = take_parameter(rest, parameter)) == Step::taken)
            if (!contact.expires && same_ignoring_case(parameter.name, "expires"))
                contact.expires = saturated(parameter.value);
        if (step == Step::malformed)
            return false;
        if (contacts.count < contacts.kept.size())
            contacts.kept[contacts.count] = contact;
        ++contacts.count;
    } while (!value.empty());
    return true;
}

} // namespace tandem::wire::sip_text
