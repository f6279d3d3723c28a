// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From a SIP URI to servers, in the order in which they are tried (RFC 3263 section 4).
//
// Problem: transport, port and address may each come from the URI, from NAPTR, from SRV or from a default,
// and each answer decides the next question. Idea: a state machine that says what it wants to know; somebody
// else asks. Chance among SRV records of one priority comes from a seed. Pure. Deliberately absent: sockets,
// caches, time.

#include "control/resolve/record.hh"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace tandem::resolve {

enum class Transport : std::uint8_t { udp, tcp, tls };
enum class Security : std::uint8_t { any, required }; ///< `required`: of a sips URI

/// What a URI says.
struct Wanted {
    std::string host; ///< a name or an address
    std::optional<std::uint16_t> port;
    std::optional<Transport> transport;
    Security security{Security::any};
    /// Only addresses of this family are wanted: that of a pinned source; none: IPv4 first, then IPv6.
    wire::Family family{wire::Family::none};
};

struct Server {
    Transport transport{Transport::udp};
    wire::IpAddress address;
    std::uint16_t port{5060};
    bool operator==(const Server&) const = default;
};

/// At most so many servers are found for a URI.
inline constexpr std::size_t servers_max = 16;

struct Question {
    std::string name;
    RecordType type{RecordType::a};
    bool operator==(const Question&) const = default;
};

/// In the order in which they are tried (RFC 2782): by priority, and within one by chance after the weights.
std::vector<Srv> in_order(std::vector<Srv> services, std::uint64_t seed);

class Locator {
public:
    Locator(Wanted wanted, std::uint64_t seed);

    /// What has to be known next; nothing: there is nothing more to ask.
    const std::optional<Question>& question() const { return question_; }
    /// What is known about question(); nothing: nobody could say.
    void answer(const std::optional<Records>& records);

    /// Empty while there are questions, or when there is no server.
    const std::vector<Server>& servers() const { return servers_; }
    /// A question got no answer, and no further one was asked.
    bool incomplete() const { return incomplete_; }

private:
    /// A name whose addresses are wanted.
    struct Host {
        Transport transport;
        std::string name;
        std::uint16_t port;
    };
    /// A service that may be asked for.
    struct Service {
        Transport transport;
        std::string name;
    };
    void begin();
    void take_pointers(const Records& records);
    void take_services(const Records& records);
    void ask_services();
    void ask_addresses();
    bool permits(Transport transport) const;
    Transport default_transport() const;

    Wanted wanted_;
    std::uint64_t seed_;
    std::optional<Question> question_;
    std::vector<Service> services_; ///< still to be asked for, first first
    Transport asked_{Transport::udp};
    std::vector<Host> hosts_;
    std::vector<Server> servers_;
    unsigned questions_{0};
    bool incomplete_{false};
};

} // namespace tandem::resolve
