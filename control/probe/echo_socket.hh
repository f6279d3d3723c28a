// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Asks by ICMP and ICMPv6 echo (RFC 792, RFC 4443 section 4.1): one socket for all targets that are asked
// from the same place.
//
// Problem: thousands of targets must not cost thousands of descriptors, and whoever guesses must not be able
// to answer for a target. Idea: a raw socket whose kernel filter passes only replies with our identifier and
// a random token; the payload says which check asked which question. Needs NET_RAW. Deliberately absent: when
// to ask, and what silence means.

#include "control/watch/descriptor.hh"

#include "dataplane/wire/address.hh"

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

namespace tandem::probe {

class EchoSocket {
public:
    struct Settings {
        wire::Family family{wire::Family::ipv4};
        wire::IpAddress source; ///< of that family; of none: the kernel chooses
        std::string interface;  ///< empty: the kernel chooses
        std::uint64_t token{0}; ///< unpredictable
    };
    /// A sentence on failure.
    static std::expected<EchoSocket, std::string> open(const Settings& settings);

    int descriptor() const { return socket_.get(); }
    /// Never blocks. The number of the error; 0: sent.
    int ask(const wire::IpAddress& to, std::uint64_t check, std::uint64_t number) noexcept;

    struct Answer {
        wire::IpAddress from;
        std::uint64_t check{0};
        std::uint64_t number{0};
    };
    /// The next answer that has arrived; nothing: there is none. Never blocks.
    std::optional<Answer> receive() noexcept;

private:
    static constexpr std::size_t message_size = 32;

    explicit EchoSocket(const Settings& settings)
        : settings_(settings) {}
    bool prepare();
    std::optional<Answer> answer_of(std::span<const std::uint8_t> message, const wire::IpAddress& from) const;

    Settings settings_;
    std::uint32_t scope_{0}; ///< of link-local targets
    watch::Descriptor socket_;
};

} // namespace tandem::probe
