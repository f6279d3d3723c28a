// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/sip_check_schema.hh"

#include "control/config/values.hh"

#include <algorithm>
#include <array>

namespace tandem::config {
namespace {

constexpr std::string_view uri_hint =
    "for example \"sip:pbx.example.org\" or \"sip:192.0.2.1:5060;transport=tcp\"";

std::optional<SipUri> take_uri(Section& section, std::string_view key, Presence presence) {
    const auto text = section.text(key, presence);
    if (!text)
        return std::nullopt;
    auto uri = parse_sip_uri(text->value);
    if (uri)
        return std::move(*uri);
    section.complain(text->place, "\"" + std::string{key} + "\": " + uri.error(), std::string{uri_hint});
    return std::nullopt;
}

void take_header_text(Section& section, std::string_view key, std::string& out) {
    const auto text = section.text(key, Presence::optional);
    if (!text)
        return;
    if (is_header_text(text->value))
        out = text->value;
    else
        section.complain(text->place, "\"" + std::string{key} + "\" is no text for a header field",
                         "printable ASCII, at most 256 characters, and no line ends");
}

/// One string, or an array of them.
void take_codes(Section& section, std::string_view key, SipCodes& out) {
    constexpr std::size_t strings_max = SipCodes::ranges_max;
    std::vector<Placed<std::string>> lists;
    if (section.is_array(key)) {
        lists =
            section.texts(key, strings_max, Presence::optional).value_or(std::vector<Placed<std::string>>{});
    } else if (auto text = section.text(key, Presence::optional)) {
        if (!text->value.empty()) // blank: nothing is listed
            lists.push_back(std::move(*text));
    }
    for (const auto& list : lists)
        if (const auto added = out.add(list.value); !added)
            section.complain(list.place, "\"" + std::string{key} + "\": " + added.error(),
                             "for example \"503, 5xx\" or [\"404\", \"500-599\"]");
}

void take_tls(Section& section, SipTls& tls) {
    if (const auto verify = section.boolean("verify", Presence::optional))
        tls.verify = verify->value ? VerifyPeer::yes : VerifyPeer::no;
    take_file_name(section, "ca_file", file_name_length_max, tls.ca_file);
    const auto name = section.text("server_name", Presence::optional);
    if (!name)
        return;
    const auto as_host = parse_sip_uri("sip:" + name->value);
    if (as_host && as_host->host_text() == as_host->host && as_host->user.empty() &&
        as_host->transport == SipTransport::any)
        tls.server_name = as_host->host;
    else
        section.complain(name->place, "\"server_name\" is no host name", "for example \"pbx.example.org\"");
}

void take_name_servers(Section& section, std::vector<wire::IpAddress>& out) {
    const auto list = section.texts("name_servers", 3, Presence::optional);
    if (!list)
        return;
    for (const auto& text : *list)
        if (const auto address = wire::IpAddress::parse(text.value))
            out.push_back(*address);
        else
            section.complain(text.place, "\"name_servers\" has a value that is no address",
                             "for example [\"192.0.2.53\"]");
}

} // namespace

void read_sip(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    check.interval = std::chrono::seconds{10};
    check.timeout = std::chrono::seconds{32}; // 64 * T1: timer F of RFC 3261
    check.retry = 0;
    check.recover = 1;
    SipTarget target;
    if (auto uri = take_uri(section, "uri", Presence::required))
        target.uri = std::move(*uri);
    if (const auto method = section.text("sip_method", Presence::optional)) {
        constexpr std::array needs_more{"INVITE", "ACK", "CANCEL", "BYE", "PRACK"};
        const bool alone = std::find(needs_more.begin(), needs_more.end(), method->value) == needs_more.end();
        if (is_sip_method(method->value) && alone)
            target.sip_method = method->value;
        else
            section.complain(method->place, "\"sip_method\" is no method that can be asked by itself",
                             "OPTIONS is what every server answers; a call is what \"registration\" makes");
    }
    if (const auto from = take_uri(section, "from", Presence::optional))
        target.from = from->text();
    take_integer(section, "max_forwards", {0, 255}, target.max_forwards);
    take_header_text(section, "user_agent", target.user_agent);
    take_codes(section, "response_codes", target.failing);
    take_codes(section, "expect_codes", target.expected);
    take_tls(section, target.tls);
    take_name_servers(section, target.name_servers);
    check.target = std::move(target);
}

void read_registration(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    check.interval = std::chrono::seconds{60};
    check.timeout = std::chrono::seconds{60};
    check.retry = 0;
    check.recover = 1;
    RegistrationTarget target;
    if (auto uri = take_uri(section, "uri", Presence::required)) {
        if (uri->user.empty())
            section.complain(section.place_of("uri").value_or(section.place()),
                             "\"uri\" has no user: who registers?", "for example \"sip:probe@example.org\"");
        target.uri = std::move(*uri);
    }
    target.proxy = take_uri(section, "proxy", Presence::optional);
    take_header_text(section, "user", target.user);
    take_file_name(section, "password_file", file_name_length_max, target.password_file);
    take_name(section, "password_variable", Presence::optional, target.password_variable);
    if (!target.password_file.empty() && !target.password_variable.empty())
        section.complain(section.place_of("password_variable").value_or(section.place()),
                         "there are \"password_file\" and \"password_variable\"", "one of them is enough");
    take_time(section, "step_timeout_ms", {100, 32'000}, target.step_timeout);
    take_integer(section, "max_forwards", {0, 255}, target.max_forwards);
    take_header_text(section, "user_agent", target.user_agent);
    take_tls(section, target.tls);
    take_name_servers(section, target.name_servers);
    check.target = std::move(target);
}

} // namespace tandem::config
