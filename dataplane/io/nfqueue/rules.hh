// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The packet-filter rules, as text: what is wanted, in the language of nft and of iptables-restore, and what
// a listing says of ours.
//
// SIP from outside to a VIP goes into the queue, behind the kernel's reassembly (INPUT); with nobody at the
// queue it passes (bypass). Only our own table or chain, and one jump into it, are ever named. Deliberately
// absent: running the programs (packet_filter).

#include "dataplane/contract/policy.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::nfqueue {

struct QueueRule {
    std::string interface;
    wire::IpAddress vip;
    std::uint16_t port{0};
    bool operator==(const QueueRule&) const = default;
};

/// One rule for each VIP and SIP port of its group. What cannot stand in a rule (a name with other characters
/// than letters, digits and `._-@`) is left out.
std::vector<QueueRule> wanted_rules(const contract::Policy& policy);

/// Tells one set of rules from another; never 0.
std::uint64_t digest(const std::vector<QueueRule>& rules, std::uint16_t queue);

/// Replaces the table `inet tandem` in one transaction.
std::string nft_replace_text(const std::vector<QueueRule>& rules, std::uint16_t queue);
std::string nft_remove_text();

/// What a listing says of our rules.
struct Listing {
    bool chain{false};        ///< our chain or table is there
    bool jump{false};         ///< and reached
    std::uint64_t packets{0}; ///< that our rules have matched
};

/// Input for `iptables-restore --noflush` (or ip6tables-restore): replaces the content of the chain, and adds
/// the jump where it is missing.
std::string iptables_replace_text(const std::vector<QueueRule>& rules, std::uint16_t queue,
                                  wire::Family family, const Listing& present);
/// Empty when nothing of ours is there.
std::string iptables_remove_text(const Listing& present);

/// Reads the output of `iptables-save --counters --table mangle`.
Listing read_iptables_listing(std::string_view text);
/// Reads the output of `nft list table inet tandem`.
Listing read_nft_listing(std::string_view text);

} // namespace tandem::nfqueue
