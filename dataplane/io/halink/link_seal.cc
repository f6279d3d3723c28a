// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/halink/link_seal.hh"

#include <algorithm>
#include <utility>

namespace tandem::halink {

using contract::Counter;

void LinkSeal::attach(contract::Page& page, std::size_t path) {
    page_ = &page;
    path_ = path;
}

void LinkSeal::refresh() {
    const std::uint32_t sequence = page_->mirror_links[path_].sequence();
    contract::MirrorLink link;
    if (sequence == keys_sequence_ || !page_->mirror_links[path_].read(link))
        return;
    const bool first = keys_sequence_ == 0;
    keys_sequence_ = sequence;
    ++version_;
    // First the receiving side: it looks at what the page remembers of the earlier life.
    std::array<Receiving, 2> receiving;
    receiving[0] = make_receiving(link.current);
    // What an earlier life received under keys older than those that the page remembers is not known: such
    // datagrams could be replayed, so they are not accepted.
    if (!first || kept().association.load() == link.previous.association)
        receiving[1] = make_receiving(link.previous);
    receiving_ = std::move(receiving);
    if (link.current.association != association_)
        begin_sending(link.current);
}

LinkSeal::Receiving LinkSeal::make_receiving(const contract::MirrorKeys& keys) {
    Receiving result;
    if (keys.association == 0)
        return result;
    for (Receiving& known : receiving_)
        if (known.association == keys.association)
            return std::move(known);
    result.association = keys.association;
    result.key = keys.receive;
    result.opener.emplace(keys.receive);
    // What an earlier life of this process received of the association counts as seen.
    if (kept().association.load() == keys.association)
        result.window.begin_after(kept().receive_highest.load());
    return result;
}

void LinkSeal::begin_sending(const contract::MirrorKeys& keys) {
    association_ = keys.association;
    transmit_key_ = keys.transmit;
    sealer_.reset();
    if (keys.association == 0)
        return;
    sealer_.emplace(keys.transmit);
    if (kept().association.load() != keys.association) {
        // Valid only when all is in place: this process can be killed between any two of these.
        kept().association.store(0);
        kept().transmit_reserved.store(0);
        kept().receive_highest.store(0);
        kept().association.store(keys.association);
    }
    numbers_.begin(kept().transmit_reserved);
}

std::optional<LinkSeal::Admitted> LinkSeal::admit(std::span<const std::uint8_t> datagram) {
    const auto header = wire::read_ha_header(datagram);
    if (!header) {
        count(header.error() == wire::HaError::truncated ? Counter::link_truncated : Counter::link_version);
        return std::nullopt;
    }
    if (header->type != wire::HaType::mirror) {
        count(header->type == wire::HaType::mirror_clear ? Counter::link_clear : Counter::link_version);
        return std::nullopt;
    }
    const auto known = std::ranges::find_if(
        receiving_, [&](const Receiving& r) { return r.opener && r.association == header->association; });
    if (known == receiving_.end()) {
        count(Counter::link_association);
        return std::nullopt;
    }
    if (!known->window.fresh(header->sequence)) {
        count(Counter::link_replayed);
        return std::nullopt;
    }
    return Admitted{*known, header->sequence, datagram.first(wire::HaHeader::size),
                    datagram.subspan(wire::HaHeader::size)};
}

void LinkSeal::accept(const Admitted& admitted) {
    admitted.under.window.accept(admitted.sequence);
    contract::MirrorSequence& sequence = kept();
    if (admitted.under.association == sequence.association.load(std::memory_order_relaxed) &&
        admitted.sequence > sequence.receive_highest.load(std::memory_order_relaxed))
        sequence.receive_highest.store(admitted.sequence, std::memory_order_relaxed);
}

} // namespace tandem::halink
