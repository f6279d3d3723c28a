// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/quiet.hh"

#include <nftables/libnftables.h>

#include <fstream>
#include <memory>

namespace tandem::dpdk {
namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

std::expected<void, std::string> nft(const std::string& text) {
    const std::unique_ptr<nft_ctx, FreeContext> context{nft_ctx_new(NFT_CTX_DEFAULT)};
    if (!context || nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0)
        return std::unexpected("libnftables cannot start");
    if (nft_run_cmd_from_buffer(context.get(), text.c_str()) == 0)
        return {};
    const char* errors = nft_ctx_get_error_buffer(context.get());
    const std::string reason = errors == nullptr ? "" : errors;
    return std::unexpected(reason.substr(0, reason.find('\n')));
}

std::string table_of(const std::string& interface) {
    return "netdev tandem_" + interface;
}

std::string switch_of(const std::string& interface) {
    return "/proc/sys/net/ipv6/conf/" + interface + "/disable_ipv6";
}

} // namespace

std::expected<void, std::string> Quiet::add(const std::string& interface) {
    // An earlier life may have left its table: adding and deleting it first makes both cases one.
    const std::string table = table_of(interface);
    const auto done = nft("add table " + table + "; delete table " + table + "; add table " + table +
                          "; add chain " + table + " ingress { type filter hook ingress device \"" +
                          interface + "\" priority -500; policy drop; }");
    if (!done)
        return std::unexpected("interface " + interface +
                               ": the kernel cannot be kept from what the port receives: " + done.error());
    Silenced silenced{interface, {}};
    std::ifstream{switch_of(interface)} >> silenced.disable_ipv6;
    if (!silenced.disable_ipv6.empty())
        std::ofstream{switch_of(interface)} << "1";
    silenced_.push_back(silenced);
    return {};
}

Quiet::~Quiet() {
    for (const Silenced& silenced : silenced_) {
        (void)nft("delete table " + table_of(silenced.interface));
        if (!silenced.disable_ipv6.empty())
            std::ofstream{switch_of(silenced.interface)} << silenced.disable_ipv6;
    }
}

} // namespace tandem::dpdk
