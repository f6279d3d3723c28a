// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench.hh"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <charconv>
#include <utility>

namespace tandem::https {

config::Api usual_settings() {
    config::Api settings;
    settings.rate_per_minute = 600;
    settings.burst = 10'000;
    settings.tokens = {{"reader", digest_of(reader_token), config::ApiScope::read},
                       {"actor", digest_of(actor_token), config::ApiScope::act}};
    settings.clients = {{"looker", config::ApiScope::read}, {"doer", config::ApiScope::act}};
    return settings;
}

std::string with_token(std::string_view token) {
    return "Authorization: Bearer " + std::string{token} + "\r\n";
}

std::string request(std::string_view verb, std::string_view target, std::string_view lines,
                    std::string_view body) {
    std::string out = std::string{verb} + " " + std::string{target} + " HTTP/1.1\r\nHost: node\r\n";
    out += lines;
    if (!body.empty())
        out += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return out.append("\r\n").append(body);
}

boost::json::value Seen::document() const {
    return boost::json::parse(body);
}

std::vector<Seen> read_answers(std::string_view octets, std::size_t* continues) {
    std::vector<Seen> out;
    while (!octets.empty()) {
        const auto end = octets.find("\r\n\r\n");
        BOOST_REQUIRE(end != std::string_view::npos);
        Seen seen;
        seen.head = octets.substr(0, end + 4);
        octets.remove_prefix(end + 4);
        BOOST_REQUIRE(seen.head.starts_with("HTTP/1.1 "));
        std::from_chars(seen.head.data() + 9, seen.head.data() + 12, seen.status);
        if (seen.status == 100) {
            if (continues != nullptr)
                ++*continues;
            continue;
        }
        const auto at = seen.head.find("Content-Length: ");
        BOOST_REQUIRE(at != std::string::npos);
        std::size_t size = 0;
        std::from_chars(seen.head.data() + at + 16, seen.head.data() + seen.head.size(), size);
        BOOST_REQUIRE(size <= octets.size());
        seen.body = octets.substr(0, size);
        octets.remove_prefix(size);
        out.push_back(std::move(seen));
    }
    return out;
}

Bench::Bench(config::Api settings) {
    auto gate = Gate::make(std::make_shared<const config::Api>(std::move(settings)),
                           [this](const std::string& line) { told.push_back(line); });
    BOOST_REQUIRE(gate);
    gate_ = std::move(*gate);
    connect();
}

void Bench::connect() {
    conversation_ = std::make_unique<Conversation>(*gate_, peer);
    wants_ = conversation_->start().wants;
}

std::string Bench::follow(Conversation::Step step) {
    std::string out = std::move(step.send);
    wants_ = step.wants;
    while (wants_ == Conversation::Wants::brain) {
        BOOST_REQUIRE(step.call);
        calls.push_back(std::move(*step.call));
        step = conversation_->on_outcome(outcome, now);
        out += step.send;
        wants_ = step.wants;
    }
    return out;
}

std::string Bench::send(std::string_view octets) {
    return follow(conversation_->on_octets(octets, now));
}

std::string Bench::deadline() {
    return follow(conversation_->on_deadline(now));
}

} // namespace tandem::https
