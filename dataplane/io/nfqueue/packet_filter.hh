// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Puts the rules into the kernel's packet filter and takes them away.
//
// nft where the kernel has its queue statement, else the NFQUEUE target through iptables-restore; which one
// is found by trying. Replacing is atomic (iptables: per family). Deliberately absent: what the rules are
// (rules.hh).

#include "dataplane/io/nfqueue/rules.hh"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::nfqueue {

enum class Backend : std::uint8_t { none, nft, iptables };
std::string_view to_string(Backend backend);

class PacketFilter {
public:
    /// What is there of ours, from an earlier life or from replace().
    Listing observe();
    std::expected<void, std::string> replace(const std::vector<QueueRule>& rules, std::uint16_t queue);
    /// Removes everything of ours, whichever backend made it.
    std::expected<void, std::string> remove();
    /// Which one the rules in place were made with.
    Backend backend() const { return backend_; }

private:
    std::expected<void, std::string> replace_by_iptables(const std::vector<QueueRule>& rules,
                                                         std::uint16_t queue);

    Backend backend_{Backend::none};
};

} // namespace tandem::nfqueue
