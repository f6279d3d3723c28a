// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/gate.hh"

#include "control/https/body.hh"
#include "control/https/openapi.hh"

#include <algorithm>
#include <utility>

namespace tandem::https {
namespace {

namespace json = boost::json;

/// A caller who heeds its 429 meets this one never.
constexpr std::uint32_t connections_per_request = 2;

std::string seconds_text(ha::Duration duration) {
    return std::to_string(
        std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(duration).count()));
}

/// "application/json", with parameters or without.
bool is_json(std::string_view type) {
    constexpr std::string_view wanted = "application/json";
    const auto same = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + ('a' - 'A') == b); };
    if (!std::ranges::equal(type.substr(0, wanted.size()), wanted, same))
        return false;
    type.remove_prefix(wanted.size());
    return type.empty() || type.front() == ';' || type.front() == ' ';
}

} // namespace

Gate::Gate(Settings settings, AddressFilter filter, Refusals::Tell tell)
    : settings_{std::move(settings)}
    , filter_{std::move(filter)}
    , requests_{settings_->rate_per_minute, settings_->burst}
    , connections_{settings_->rate_per_minute * connections_per_request,
                   settings_->burst * connections_per_request}
    , refusals_{std::move(tell)} {}

std::expected<std::unique_ptr<Gate>, std::string> Gate::make(Settings settings, Refusals::Tell tell) {
    auto filter = AddressFilter::make(*settings);
    if (!filter)
        return std::unexpected(filter.error());
    return std::unique_ptr<Gate>{new Gate{std::move(settings), std::move(*filter), std::move(tell)}};
}

std::expected<void, std::string> Gate::reconfigure(Settings settings, Authorities authorities) {
    auto filter = AddressFilter::make(*settings);
    if (!filter)
        return std::unexpected(filter.error());
    settings_ = std::move(settings);
    filter_ = std::move(*filter);
    requests_.reconfigure(settings_->rate_per_minute, settings_->burst);
    connections_.reconfigure(settings_->rate_per_minute * connections_per_request,
                             settings_->burst * connections_per_request);
    if (authorities == Authorities::other)
        ++authorities_;
    return {};
}

void Gate::refused(const wire::IpAddress& address, Refusal refusal, ha::Instant now) {
    refusals_.add(unmapped(address), refusal, now);
}

bool Gate::admits(const wire::IpAddress& address, ha::Instant now) {
    if (!filter_.admits(address)) {
        refused(address, Refusal::address_filter, now);
        return false;
    }
    if (connections_.ask(address, now) == RateLimiter::Verdict::refuse) {
        refused(address, Refusal::connection_rate, now);
        return false;
    }
    return true;
}

Answer Gate::refuse(const Peer& peer, Refusal refusal, ha::Instant now, unsigned status,
                    std::string_view detail) {
    refused(peer.address, refusal, now);
    return problem(status, detail);
}

std::expected<Identity, Answer> Gate::caller(const Head& head, const Peer& peer, ha::Instant now) {
    Credentials credentials;
    if (head.authorization)
        credentials.authorization = *head.authorization;
    if (peer.certificate && peer.authorities == authorities_)
        credentials.certificate = &*peer.certificate;
    auto identity = identify(*settings_, credentials);
    if (identity)
        return std::move(*identity);
    Answer answer;
    switch (identity.error()) {
    case Stranger::nothing:
        answer = refuse(peer, Refusal::no_credentials, now, 401,
                        "present a bearer token, or a client certificate of this pair's authority");
        break;
    case Stranger::wrong_token:
        answer = refuse(peer, Refusal::wrong_credentials, now, 401, "this is nobody's bearer token");
        break;
    case Stranger::unknown_certificate:
        return std::unexpected(refuse(peer, Refusal::wrong_credentials, now, 403,
                                      "no [[api.client]] has a name of this certificate"));
    }
    answer.fields.push_back({"WWW-Authenticate", "Bearer realm=\"tandem\""});
    return std::unexpected(std::move(answer));
}

std::expected<Admission, Answer> Gate::admit(const Head& head, const Peer& peer, ha::Instant now) {
    if (!filter_.admits(peer.address)) { // it may be another one than when the connection began
        Answer answer = refuse(peer, Refusal::address_filter, now, 403, "not from this address");
        answer.persistence = Persistence::close;
        return std::unexpected(std::move(answer));
    }
    if (requests_.ask(peer.address, now) == RateLimiter::Verdict::refuse) {
        Answer answer = refuse(peer, Refusal::request_rate, now, 429, "too many requests from this address");
        answer.fields.push_back({"Retry-After", seconds_text(requests_.spacing())});
        return std::unexpected(std::move(answer));
    }
    auto identity = caller(head, peer, now);
    if (!identity)
        return std::unexpected(std::move(identity.error()));
    const auto target = read_target(head.target);
    if (!target)
        return std::unexpected(refuse(peer, Refusal::malformed, now, 400, target.error()));
    std::string allowed;
    const auto found = find_route(head.verb, *target, allowed);
    if (!found && allowed.empty())
        return std::unexpected(
            refuse(peer, Refusal::not_served, now, 404, "there is nothing here; see /v1/openapi.json"));
    if (!found) {
        Answer answer = refuse(peer, Refusal::not_served, now, 405, "this is not asked with that method");
        answer.fields.push_back({"Allow", allowed});
        return std::unexpected(std::move(answer));
    }
    const Route& route = *found->route;
    if (route.scope == config::ApiScope::act && identity->scope != config::ApiScope::act)
        return std::unexpected(refuse(peer, Refusal::scope, now, 403, "this caller may only read"));
    if (route.verb == Verb::get && head.body != Head::Body::none)
        return std::unexpected(refuse(peer, Refusal::malformed, now, 400, "a GET has no body here"));
    if (head.body != Head::Body::none && !(head.content_type && is_json(*head.content_type)))
        return std::unexpected(
            refuse(peer, Refusal::malformed, now, 415, "the body must be application/json"));
    Admission admission{&route, std::move(*identity), {}};
    if (!route.type.empty())
        admission.params["type"] = json::string_view{route.type.data(), route.type.size()};
    for (const auto& [name, value] : found->segments)
        admission.params[name] = value;
    if (const auto read = read_query(route, *target, admission.params); !read)
        return std::unexpected(refuse(peer, Refusal::malformed, now, 400, read.error()));
    return admission;
}

std::expected<Call, Answer> Gate::ask(const Admission& admission, std::string_view body, const Peer& peer,
                                      ha::Instant now) {
    const Route& route = *admission.route;
    Call call{std::string{route.method}, admission.params, admission.caller.name};
    if (const auto read = read_body(route, body, call.params); !read)
        return std::unexpected(refuse(peer, Refusal::malformed, now, 400, read.error()));
    // What the brain reads is a line within a bound; some room is for the number.
    constexpr std::size_t number_size = 32;
    if (api::write_request({0, call.method, call.params, call.caller}).size() + number_size >
        api::request_size_max)
        return std::unexpected(refuse(peer, Refusal::too_large, now, 413, "the body is too large"));
    return call;
}

Answer Gate::own(const Route& route) const {
    if (route.own == Own::openapi)
        return document(openapi());
    json::object refusals;
    for (std::size_t i = 0; i < refusal_kinds; ++i) {
        const auto name = to_string(static_cast<Refusal>(i));
        refusals[json::string_view{name.data(), name.size()}] = refusals_.count(static_cast<Refusal>(i));
    }
    return document(json::object{{"answered_by_brain", answered_}, {"refused", std::move(refusals)}});
}

Answer Gate::answer(Outcome outcome, const Peer& peer, ha::Instant now) {
    if (!outcome) {
        if (outcome.error() == Away::silent)
            return refuse(peer, Refusal::brain_away, now, 504, "tandemd has not answered in time");
        if (outcome.error() == Away::lost)
            return refuse(peer, Refusal::brain_away, now, 502,
                          "tandemd ended while it was asked; whether it was done is in /v1/events");
        Answer answer = refuse(peer, Refusal::brain_away, now, 503,
                               outcome.error() == Away::busy ? "too much is being asked of tandemd at once"
                                                             : "tandemd is not there at the moment");
        answer.fields.push_back({"Retry-After", "1"});
        return answer;
    }
    if (*outcome) {
        ++answered_;
        return document(**outcome);
    }
    const api::Error& error = outcome->error();
    switch (error.code) {
    case api::Code::refused:
        return refuse(peer, Refusal::brain_refused, now, 409, error.message);
    case api::Code::invalid_params:
        return refuse(peer, Refusal::brain_refused, now, 400, error.message);
    case api::Code::method_not_found:
        return refuse(peer, Refusal::brain_refused, now, 501, "tandemd on this node cannot do this");
    case api::Code::not_permitted:
        return refuse(peer, Refusal::brain_refused, now, 502,
                      "tandemd takes no requests from this program; see [api] user");
    default:
        return refuse(peer, Refusal::brain_refused, now, 502, "tandemd: " + error.message);
    }
}

} // namespace tandem::https
