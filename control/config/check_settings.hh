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

/// One line for each method: another one is added here, with its own header. The branches that are read from
/// the file are in check_schema.cc, those that ask in control/probe/probers.cc.
using Target = std::variant<NetworkTarget, SipTarget, RegistrationTarget>;

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
