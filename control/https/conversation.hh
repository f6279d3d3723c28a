// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One connection's requests and answers, from octets to octets.
//
// Idea: octets come in; what comes out is what to send, and what is waited for: more octets, the brain, or
// the end. One request at a time: what a client sends ahead waits in the socket, but for a bounded rest. A
// request that is not well-formed ends the connection, since nobody knows where the next one begins.
// Deliberately absent: sockets, TLS, clocks (time is an argument). It is what the fuzz target plays with.

#include "control/https/gate.hh"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::https {

class Conversation {
public:
    /// Then the connection ends.
    static constexpr std::size_t requests_max = 1000;

    /// What is waited for next.
    enum class Wants : std::uint8_t {
        request, ///< the first octet of the next one
        head,    ///< the rest of a head
        body,    ///< the rest of a body
        brain,   ///< the answer to `call`
        end,     ///< nothing: once `send` has been sent, the connection ends
    };
    struct Step {
        Wants wants{Wants::request};
        std::string send;
        std::optional<Call> call; ///< with Wants::brain
    };

    Conversation(Gate& gate, Peer peer);
    ~Conversation();
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    /// At the beginning.
    Step start() const { return {}; }
    /// Octets have come. Not while the brain is waited for.
    Step on_octets(std::string_view octets, ha::Instant now);
    /// The brain has answered, or will not.
    Step on_outcome(Outcome outcome, ha::Instant now);
    /// What was waited for has not come in time. Not while the brain is waited for.
    Step on_deadline(ha::Instant now);

    const Peer& peer() const { return peer_; }

private:
    struct Message; // the parser's state
    Step go_on(ha::Instant now);
    bool take_head(ha::Instant now, Step& step);
    bool take_body(ha::Instant now, Step& step);
    void dispatch(ha::Instant now, Step& step);
    void reply(Answer answer, Step& step);
    void refuse(Refusal refusal, ha::Instant now, unsigned status, std::string_view detail, Step& step);

    Gate& gate_;
    Peer peer_;
    std::string input_;
    Wants wants_{Wants::request};
    std::unique_ptr<Message> message_;
    std::size_t requests_{0};
    bool skipped_{false}; ///< an empty line ahead of this request
};

} // namespace tandem::https
