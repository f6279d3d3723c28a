// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A gate, a conversation and a brain that writes down what it is asked; time stands where it is put.

#include "control/https/conversation.hh"

#include <boost/json/value.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::https {

inline const std::string reader_token = "tdm_reader";
inline const std::string actor_token = "tdm_actor";

/// "reader" and "actor" have tokens; "looker" and "doer" have certificates.
config::Api usual_settings();

std::string with_token(std::string_view token);
/// A whole request of HTTP/1.1 with a Host, these further lines (each with its end), and a body with its
/// length.
std::string request(std::string_view verb, std::string_view target, std::string_view lines = {},
                    std::string_view body = {});

struct Seen {
    unsigned status{0};
    std::string head;
    std::string body;
    boost::json::value document() const;
    bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
};
/// Takes what was sent apart; "100 Continue" is left out of it and counted.
std::vector<Seen> read_answers(std::string_view octets, std::size_t* continues = nullptr);

class Bench {
public:
    explicit Bench(config::Api settings = usual_settings());

    /// The next connection comes from there.
    Peer peer{wire::IpAddress::v4({192, 0, 2, 7}), std::nullopt, 0};
    /// What the brain answers.
    Outcome outcome{boost::json::value{{"fine", true}}};

    void connect();
    /// Sends, lets the brain answer, and gives everything that came back.
    std::string send(std::string_view octets);
    std::vector<Seen> ask(std::string_view octets) { return read_answers(send(octets)); }
    std::string deadline();
    bool open() const { return wants_ != Conversation::Wants::end; }

    std::vector<Call> calls;
    std::vector<std::string> told;
    ha::Instant now{std::chrono::hours{1}};
    Gate& gate() { return *gate_; }

private:
    std::string follow(Conversation::Step step);
    std::unique_ptr<Gate> gate_;
    std::unique_ptr<Conversation> conversation_;
    Conversation::Wants wants_{Conversation::Wants::request};
};

} // namespace tandem::https
