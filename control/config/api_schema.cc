// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/api_schema.hh"

#include "control/config/values.hh"
#include "dataplane/match/text_test.hh"

#include <algorithm>
#include <charconv>

namespace tandem::config {
namespace {

constexpr std::string_view hash_prefix = "sha256:";
constexpr std::size_t listen_max = 16;
constexpr std::size_t networks_max = 256;

/// `10.0.0.1`, `10.0.0.1:7443`, `2001:db8::1`, `[2001:db8::1]:7443`.
std::optional<ApiEndpoint> read_endpoint(std::string_view text) {
    ApiEndpoint endpoint;
    std::string_view host = text;
    std::string_view port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos)
            return std::nullopt;
        host = text.substr(1, close - 1);
        port = text.substr(close + 1);
        if (!port.empty() && (port.size() == 1 || port.front() != ':'))
            return std::nullopt;
        port.remove_prefix(port.empty() ? 0 : 1);
        if (host.find(':') == std::string_view::npos)
            return std::nullopt;
    } else if (std::ranges::count(text, ':') == 1) {
        const auto colon = text.find(':');
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (port.empty())
            return std::nullopt;
    }
    const auto address = wire::IpAddress::parse(host);
    if (!address)
        return std::nullopt;
    endpoint.address = *address;
    if (!port.empty()) {
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
        if (error != std::errc{} || end != port.data() + port.size() || endpoint.port == 0)
            return std::nullopt;
    }
    return endpoint;
}

ApiScope take_scope(Section& section) {
    const auto scope = section.word("scope", {"read", "act"}, Presence::required);
    return scope && scope->value == 1 ? ApiScope::act : ApiScope::read;
}

/// Complains if one of them has the name already.
template <class Caller>
void check_name(Section& section, const std::vector<Caller>& known, const std::string& name, Place place) {
    if (!name.empty() && std::ranges::any_of(known, [&](const Caller& c) { return c.name == name; }))
        section.complain(place, "the name " + quoted(name) + " is there twice",
                         "every caller has a name of its own, so that events say who it was");
}

void read_client(Section section, Api& api) {
    ApiClient client;
    Place place = section.place();
    take_name(section, "name", Presence::required, client.name, &place);
    client.scope = take_scope(section);
    section.finish();
    check_name(section, api.clients, client.name, place);
    api.clients.push_back(std::move(client));
}

void read_token(Section section, Api& api) {
    ApiToken token;
    Place place = section.place();
    take_name(section, "name", Presence::required, token.name, &place);
    token.scope = take_scope(section);
    if (const auto hash = section.text("hash", Presence::required)) {
        if (const auto digest = read_token_hash(hash->value))
            token.digest = *digest;
        else
            section.complain(hash->place, "\"hash\" is not the hash of a token",
                             "tandemctl api token NAME prints a token and the table for this file");
        if (std::ranges::any_of(api.tokens, [&](const ApiToken& t) { return t.digest == token.digest; }))
            section.complain(hash->place, "the same token is there twice", "give each caller one of its own");
    }
    section.finish();
    check_name(section, api.tokens, token.name, place);
    api.tokens.push_back(std::move(token));
}

void read_access(Section& section, Api& api) {
    if (const auto networks = section.texts("remote_access", networks_max, Presence::optional))
        for (const auto& text : *networks) {
            if (const auto prefix = wire::Prefix::parse(text.value))
                api.remote_access.push_back(*prefix);
            else
                section.complain(text.place, quoted(text.value) + " is not a network",
                                 "write \"10.0.0.0/8\", \"2001:db8::/32\" or one address");
        }
    if (const auto pattern = section.text("remote_access_pattern", Presence::optional);
        pattern && !pattern->value.empty()) {
        if (const auto compiled = match::TextTest::compile(pattern->value))
            api.remote_access_pattern = pattern->value;
        else
            section.complain(pattern->place, compiled.error(),
                             "it is matched with the whole address, for example \"10\\\\.1\\\\..*\"; "
                             "\"remote_access\" is a list of networks");
    }
}

void read_listen(Section& section, Api& api) {
    const auto listen = section.texts("listen", listen_max, Presence::required);
    if (!listen)
        return;
    for (const auto& text : *listen) {
        const auto endpoint = read_endpoint(text.value);
        if (!endpoint)
            section.complain(text.place, quoted(text.value) + " is not an address with a port",
                             "write \"10.0.0.1:7443\", \"[2001:db8::1]:7443\", or the address alone");
        else if (std::ranges::find(api.listen, *endpoint) != api.listen.end())
            section.complain(text.place, quoted(text.value) + " is there twice", "leave one out");
        else
            api.listen.push_back(*endpoint);
    }
    if (listen->empty())
        section.complain(section.place_of("listen").value_or(section.place()), "\"listen\" is empty",
                         "without [api] nothing listens");
}

} // namespace

std::optional<ApiToken::Digest> read_token_hash(std::string_view text) {
    ApiToken::Digest digest{};
    if (!text.starts_with(hash_prefix) || text.size() != hash_prefix.size() + 2 * digest.size())
        return std::nullopt;
    text.remove_prefix(hash_prefix.size());
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const char* begin = text.data() + 2 * i;
        const auto [end, error] = std::from_chars(begin, begin + 2, digest[i], 16);
        if (error != std::errc{} || end != begin + 2)
            return std::nullopt;
    }
    return digest;
}

std::string write_token_hash(const ApiToken::Digest& digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out{hash_prefix};
    for (const std::uint8_t octet : digest) {
        out += digits[octet >> 4U];
        out += digits[octet & 0x0fU];
    }
    return out;
}

Api read_api(Section section, Complaints& complaints) {
    Api api;
    read_listen(section, api);
    take_name(section, "user", Presence::optional, api.user);
    for (const auto& [key, out] : {std::pair{"certificate", &api.certificate}, {"key", &api.key}}) {
        if (!section.place_of(key))
            section.complain(section.place(), "\"" + std::string{key} + "\" is missing",
                             "tandemctl api certificates makes what is needed");
        take_file_name(section, key, file_name_length_max, *out);
    }
    take_file_name(section, "client_ca_file", file_name_length_max, api.client_ca_file);
    read_access(section, api);
    take_integer(section, "rate_per_minute", {1, 60'000}, api.rate_per_minute);
    take_integer(section, "burst", {1, 10'000}, api.burst);
    take_integer(section, "body_max", {1024, 64 * 1024}, api.body_max);
    take_integer(section, "header_max", {1024, 64 * 1024}, api.header_max);
    take_integer(section, "connections_max", {1, 1024}, api.connections_max);
    take_integer(section, "connections_per_address", {1, 1024}, api.connections_per_address);
    const auto clients = section.tables("client", Api::callers_max, Presence::optional);
    for (const auto& client : clients)
        read_client({"[[api.client]]", client.place, *client.value, complaints}, api);
    for (const auto& token : section.tables("token", Api::callers_max, Presence::optional))
        read_token({"[[api.token]]", token.place, *token.value, complaints}, api);
    if (!clients.empty() && api.client_ca_file.empty())
        section.complain(clients.front().place, "a client's certificate needs an authority",
                         "name its file in [api] client_ca_file");
    section.finish();
    return api;
}

} // namespace tandem::config
