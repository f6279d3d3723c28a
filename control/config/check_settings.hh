// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What a check is, as the file says it: what all have, and what one method asks.
//
// Each method has a type of its own, one of `Target`. A type that is added there says of itself, besides its
// values: its name (`method`), its target as people read it (`shown`), the address that it asks, if that is
// known from the file (`asked`), and the words for a target that is silent (`silence`) and for one that is
// well (`wellness`). Deliberately absent: the file (check_schema.hh), how a target is asked (control/probe).

#include "control/config/sip_target.hh"
#include "dataplane/wire/address.hh"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tandem::config {

/// An address and a port as people write them.
std::string endpoint_text(const wire::IpAddress& address, std::uint16_t port);

/// `network`: ICMP or ICMPv6 echo.
struct NetworkTarget {
    wire::IpAddress address;

    std::string_view method() const { return "network"; }
    std::string shown() const { return address.to_string(); }
    wire::IpAddress asked() const { return address; }
    std::string_view silence() const { return "does not answer"; }
    std::string_view wellness() const { return "answers"; }
    bool operator==(const NetworkTarget&) const = default;
};

/// `arp`, `nd`: the neighbour on a network, by the family of its address. CheckSettings::interface is never
/// empty.
struct NeighbourTarget {
    wire::IpAddress address;

    std::string_view method() const { return address.is_v4() ? "arp" : "nd"; }
    std::string shown() const { return address.to_string(); }
    wire::IpAddress asked() const { return address; }
    std::string_view silence() const { return "does not answer"; }
    std::string_view wellness() const { return "answers"; }
    bool operator==(const NeighbourTarget&) const = default;
};

/// `tcp`: a connection is accepted; then, where texts are given, one is sent and one is awaited.
struct TcpTarget {
    wire::IpAddress address;
    std::uint16_t port{0};
    std::string send;   ///< empty: nothing
    std::string expect; ///< must occur in the first `expect_within` octets of the answer; empty: none awaited

    std::string_view method() const { return "tcp"; }
    std::string shown() const { return endpoint_text(address, port); }
    wire::IpAddress asked() const { return address; }
    std::string_view silence() const {
        return expect.empty() ? "does not accept a connection" : "does not answer";
    }
    std::string_view wellness() const { return expect.empty() ? "accepts connections" : "answers"; }
    bool operator==(const TcpTarget&) const = default;
};

/// `udp`: a datagram is answered.
struct UdpTarget {
    wire::IpAddress address;
    std::uint16_t port{0};
    std::string send;
    std::string expect; ///< must occur in the answer; empty: any answer is good

    std::string_view method() const { return "udp"; }
    std::string shown() const { return endpoint_text(address, port); }
    wire::IpAddress asked() const { return address; }
    std::string_view silence() const { return "does not answer"; }
    std::string_view wellness() const { return "answers"; }
    bool operator==(const UdpTarget&) const = default;
};

/// Whether the certificate of a server must be one that this machine trusts.
enum class Verify : std::uint8_t { no, yes };

/// `tls`: a handshake succeeds, and the certificate does not end soon.
struct TlsTarget {
    wire::IpAddress address;
    std::uint16_t port{0};
    std::string server_name; ///< asked for, and looked for in the certificate; empty: the address is
    std::string ca_file;     ///< empty: what the system trusts
    Verify verify{Verify::yes};
    unsigned expiry_days{14}; ///< fewer days left are a failure

    std::string_view method() const { return "tls"; }
    std::string shown() const {
        return endpoint_text(address, port) + (server_name.empty() ? "" : " " + server_name);
    }
    wire::IpAddress asked() const { return address; }
    std::string_view silence() const { return "does not finish the handshake"; }
    std::string_view wellness() const { return "finishes the handshake"; }
    bool operator==(const TlsTarget&) const = default;
};

/// `process`: a process runs.
struct ProcessTarget {
    std::string match; ///< absolute path of a pid file, or of the executable

    std::string_view method() const { return "process"; }
    std::string shown() const { return match; }
    wire::IpAddress asked() const { return {}; }
    std::string_view silence() const { return "is not running"; }
    std::string_view wellness() const { return "is running"; }
    bool operator==(const ProcessTarget&) const = default;
};

/// `link`: an interface of this machine is up and has a carrier.
struct LinkTarget {
    std::string interface; ///< never empty

    std::string_view method() const { return "link"; }
    std::string shown() const { return interface; }
    wire::IpAddress asked() const { return {}; }
    std::string_view silence() const { return "has no carrier"; }
    std::string_view wellness() const { return "has a carrier"; }
    bool operator==(const LinkTarget&) const = default;
};

/// `script`: a program of the operator's ends with status 0.
struct ScriptTarget {
    std::vector<std::string> command; ///< the program by its absolute path, and its arguments; or
    std::string script;               ///< the text of a script
    std::string user{"nobody"};       ///< whom it runs as

    std::string_view method() const { return "script"; }
    std::string shown() const { return command.empty() ? "the script" : command.front(); }
    wire::IpAddress asked() const { return {}; }
    std::string_view silence() const { return "does not end"; }
    std::string_view wellness() const { return "succeeds"; }
    bool operator==(const ScriptTarget&) const = default;
};

/// One line for each method: another one is added here, with its own header. What reads it
/// from the file is named in check_schema.cc, what asks in control/probe/probers.cc.
using Target = std::variant<NetworkTarget, SipTarget, RegistrationTarget, NeighbourTarget, TcpTarget,
                            UdpTarget, TlsTarget, ProcessTarget, LinkTarget, ScriptTarget>;

/// Whether a check runs from the start, or when an operator starts it.
enum class AutoStart : std::uint8_t { no, yes };

/// `[[group.check]]`: a target that is asked again and again.
struct CheckSettings {
    std::string name;
    Target target;
    wire::IpAddress source; ///< of none: the kernel chooses
    std::string interface;  ///< empty: the kernel chooses
    AutoStart auto_start{AutoStart::yes};
    std::chrono::milliseconds interval{500};
    std::chrono::milliseconds timeout{3000}; ///< at least one interval, at most `timeout_intervals_max`
    unsigned retry{2};                       ///< 0 to 50
    unsigned recover{3};                     ///< answers in a row until it counts as up again, 1 to 100

    static constexpr int timeout_intervals_max = 60;

    std::string_view method() const;
    /// The target as people read it.
    std::string shown() const;
    /// The address that is asked; of none where the file does not say it.
    wire::IpAddress asked() const;
    std::string_view silence() const;
    std::string_view wellness() const;
    bool operator==(const CheckSettings&) const = default;
};

} // namespace tandem::config
