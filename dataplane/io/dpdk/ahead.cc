// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/ahead.hh"

#include "dataplane/table/bring.hh"

#include <rte_mbuf.h>

namespace tandem::dpdk {

void ask_for(std::span<rte_mbuf* const> packets, table::Soon& soon) {
    constexpr std::size_t first_look = 2 * table::line_octets; // SIP begins in the second line
    for (const rte_mbuf* packet : packets) {
        const auto* frame = rte_pktmbuf_mtod(packet, const char*);
        table::fetch_to_write(frame);
        table::fetch(frame + table::line_octets);
        if (packet->data_len > first_look)
            soon.add(frame + first_look, packet->data_len - first_look);
    }
}

void give_back(std::span<rte_mbuf*> packets) {
    ::rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
}

} // namespace tandem::dpdk
