// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Asks one SIP server over UDP.
//
// A connected socket: the kernel lets only the server's datagrams through and tells when nobody has the port
// there. Deliberately absent: when to ask, and what silence means.

#include "control/watch/descriptor.hh"
#include "control/watch/question.hh"

#include <expected>
#include <string>

namespace tandem::watch {

/// Whose answers count.
enum class Answerer : std::uint8_t {
    anybody,
    this_host, ///< only what comes over the loopback interface: the server of this node, never the peer's
};

class OptionsSocket {
public:
    struct Settings {
        wire::IpAddress local; ///< family none: as the kernel chooses
        wire::IpAddress server;
        std::uint16_t port{0};
        Answerer answerer{Answerer::anybody};
        std::uint64_t token{0};  ///< unpredictable
        wire::IpAddress service; ///< what is asked for, in the request's URI; family none: the server
    };
    enum class Received : std::uint8_t {
        nothing, ///< no datagram is waiting
        answer,  ///< to the last question
        late,    ///< to an earlier question
        refused, ///< the kernel says that nobody has the port
        foreign, ///< something else; ask again
    };

    static std::expected<OptionsSocket, std::string> open(const Settings& settings);

    int descriptor() const { return fd_.get(); }
    /// Sends the next question. What the kernel would not send is as good as unanswered.
    void ask() noexcept;
    /// Reads one datagram. Never blocks. Call until `nothing`.
    Received receive() noexcept;

private:
    OptionsSocket(Descriptor fd, Question question)
        : fd_(std::move(fd))
        , question_(question) {}
    Descriptor fd_;
    Question question_;
};

} // namespace tandem::watch
