// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/ha_mirror.hh"

#include <algorithm>

namespace tandem::dpdk {
namespace {

/// Datagrams that may wait for a port; packets need most of the buffers.
constexpr std::size_t queue_max = 1024;
constexpr std::size_t queue_share = 8;

} // namespace

HaMirror::HaMirror(contract::Page& page, const contract::Appliance& setup, std::span<Lane* const> lanes,
                   rte_mempool* pool, std::uint64_t seed)
    : page_(page)
    , links_(page) {
    for (std::size_t path = 0; path < setup.ha.size() && port_count_ < lanes.size(); ++path) {
        if (setup.ha[path].device[0] == '\0')
            continue;
        const HaPort::Setup port{.path = path,
                                 .mirror = setup.ha[path].mirror,
                                 .queue_max = std::min<std::size_t>(queue_max, setup.mbufs / queue_share),
                                 .seed = seed + path};
        ports_[port_count_] =
            std::make_unique<HaPort>(*lanes[port_count_], links_.seal(path), page.counters, pool, port);
        ++port_count_;
    }
}

HaPort* HaMirror::port_of(std::size_t path) {
    const auto there = std::span(ports_).first(port_count_);
    const auto found = std::ranges::find_if(there, [&](const auto& port) { return port->path() == path; });
    return found == there.end() ? nullptr : found->get();
}

void HaMirror::refresh(const contract::Policy& policy, const path::NextHops& hops, path::Instant now) {
    links_.refresh(policy, now);
    for (const auto& port : std::span(ports_).first(port_count_))
        port->refresh(policy, hops, now);
}

std::optional<HaMirror::Ask> HaMirror::next_ask(path::Instant now) {
    for (const auto& port : std::span(ports_).first(port_count_))
        if (const auto address = port->next_ask(now))
            return Ask{path::ha_segment(port->path()), *address};
    return std::nullopt;
}

void HaMirror::add(halink::Purpose purpose, std::uint32_t token, std::span<const std::uint8_t> head,
                   std::span<const std::uint8_t> body) {
    if (!begun_) {
        begun_ = true;
        count_ = 0;
        HaPort* const port = port_of(page_.mirror_path.load());
        by_port_ = port != nullptr && port->ready() ? port : nullptr;
    }
    if (by_port_ == nullptr)
        return links_.add(purpose, token, head, body);
    const Urgency urgency = purpose == halink::Purpose::again ? Urgency::history : Urgency::live;
    batch_[count_++] = {purpose, token, by_port_->send(urgency, head, body)};
}

std::span<const halink::Transmitted> HaMirror::flush() {
    for (const auto& port : std::span(ports_).first(port_count_))
        if (port->waiting())
            port->flush();
    if (!begun_)
        return {};
    begun_ = false;
    return by_port_ == nullptr ? links_.flush() : std::span<const halink::Transmitted>(batch_).first(count_);
}

bool HaMirror::waiting() const {
    return std::ranges::any_of(std::span(ports_).first(port_count_),
                               [](const auto& port) { return port->waiting(); });
}

} // namespace tandem::dpdk
