// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A receiver on loopback that takes messages apart by hand (BER, X.690), so that the library does not judge
// itself.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tandem::snmp {

/// One element: its tag, and what is in it.
struct Element {
    unsigned tag{0};
    std::string content;
    /// The elements within.
    std::vector<Element> parts() const;
    std::uint64_t number() const;
    /// "1.3.6.1..."
    std::string oid() const;
};

struct Message {
    std::string octets;
    std::uint64_t version{0};
    std::string community;
    unsigned command{0}; ///< tag of the PDU
    std::vector<std::pair<std::string, Element>> objects;
};

class Receiver {
public:
    explicit Receiver(bool six = false);
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    ~Receiver();
    std::uint16_t port() const { return port_; }
    /// The octets of the next datagram, if one comes within the time.
    std::optional<std::string> next(int wait_ms);
    /// Acknowledges the inform that came last.
    void acknowledge(const std::string& inform);

private:
    int socket_{-1};
    std::uint16_t port_{0};
    std::string peer_; ///< where the last datagram came from
};

/// Of version 2c.
Message read_message(const std::string& octets);
std::vector<Element> read_elements(const std::string& octets);

} // namespace tandem::snmp
