// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/nfqueue/packet_filter.hh"

#include "dataplane/io/nfqueue/program.hh"

#include <nftables/libnftables.h>

#include <algorithm>
#include <array>
#include <memory>

namespace tandem::nfqueue {
namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

struct NftResult {
    bool done{false};
    std::string output;
    std::string errors;
};

NftResult run_nft(const std::string& text) {
    NftResult result;
    const std::unique_ptr<nft_ctx, FreeContext> context{nft_ctx_new(NFT_CTX_DEFAULT)};
    if (!context || nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0) {
        result.errors = "libnftables cannot start";
        return result;
    }
    result.done = nft_run_cmd_from_buffer(context.get(), text.c_str()) == 0;
    if (const char* output = nft_ctx_get_output_buffer(context.get()))
        result.output = output;
    if (const char* errors = nft_ctx_get_error_buffer(context.get()))
        result.errors = errors;
    return result;
}

struct IptablesFamily {
    wire::Family family;
    const char* save;
    const char* restore;
};
constexpr std::array<IptablesFamily, 2> iptables_families{{
    {wire::Family::ipv4, "iptables-save", "iptables-restore"},
    {wire::Family::ipv6, "ip6tables-save", "ip6tables-restore"},
}};

Listing observe_iptables(const IptablesFamily& family) {
    const ProgramResult result = run_program({family.save, "-c", "-t", "mangle"});
    return result.status == 0 ? read_iptables_listing(result.output) : Listing{};
}

std::expected<void, std::string> restore(const IptablesFamily& family, const std::string& text) {
    const ProgramResult result = run_program({family.restore, "--noflush"}, text);
    if (result.status == 0)
        return {};
    return std::unexpected(std::string(family.restore) + ": " + result.errors.substr(0, 300));
}

Listing observe_nft() {
    const NftResult result = run_nft("list table inet tandem");
    return result.done ? read_nft_listing(result.output) : Listing{};
}

} // namespace

std::string_view to_string(Backend backend) {
    switch (backend) {
    case Backend::none:
        return "none";
    case Backend::nft:
        return "nft";
    case Backend::iptables:
        return "iptables";
    }
    return "?";
}

Listing PacketFilter::observe() {
    if (backend_ != Backend::iptables) {
        const Listing listing = observe_nft();
        if (listing.chain) {
            backend_ = Backend::nft;
            return listing;
        }
    }
    Listing total;
    bool reached = true;
    for (const IptablesFamily& family : iptables_families) {
        const Listing listing = observe_iptables(family);
        if (!listing.chain)
            continue;
        total.chain = true;
        reached = reached && listing.jump;
        total.packets += listing.packets;
    }
    total.jump = total.chain && reached;
    if (total.chain)
        backend_ = Backend::iptables;
    return total;
}

std::expected<void, std::string> PacketFilter::replace(const std::vector<QueueRule>& rules,
                                                       std::uint16_t queue) {
    std::string nft_error;
    if (backend_ != Backend::iptables) {
        const NftResult result = run_nft(nft_replace_text(rules, queue));
        if (result.done) {
            backend_ = Backend::nft;
            return {};
        }
        nft_error = result.errors.substr(0, result.errors.find('\n'));
    }
    if (auto done = replace_by_iptables(rules, queue); !done)
        return std::unexpected("neither nft nor iptables takes the queue rules: " + nft_error + "; " +
                               done.error());
    backend_ = Backend::iptables;
    return {};
}

std::expected<void, std::string> PacketFilter::replace_by_iptables(const std::vector<QueueRule>& rules,
                                                                   std::uint16_t queue) {
    for (const IptablesFamily& family : iptables_families) {
        const bool wanted = std::any_of(rules.begin(), rules.end(), [&](const QueueRule& rule) {
            return rule.vip.family == family.family;
        });
        const Listing present = observe_iptables(family);
        if (!wanted && !present.chain)
            continue;
        const std::string text = wanted ? iptables_replace_text(rules, queue, family.family, present)
                                        : iptables_remove_text(present);
        if (auto done = restore(family, text); !done)
            return done;
    }
    return {};
}

std::expected<void, std::string> PacketFilter::remove() {
    std::expected<void, std::string> outcome;
    if (observe_nft().chain)
        if (const NftResult result = run_nft(nft_remove_text()); !result.done)
            outcome = std::unexpected("nft: " + result.errors.substr(0, 300));
    for (const IptablesFamily& family : iptables_families) {
        const std::string text = iptables_remove_text(observe_iptables(family));
        if (text.empty())
            continue;
        if (auto done = restore(family, text); !done)
            outcome = done;
    }
    backend_ = Backend::none;
    return outcome;
}

} // namespace tandem::nfqueue
