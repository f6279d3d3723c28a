// SPDX-License-Identifier: GPL-3.0-or-later

// The worker and the other node: mirror datagrams out and in, by HA ports and by the kernel's sockets.

#include "dataplane/io/dpdk/worker.hh"

namespace tandem::dpdk {
namespace {

using path::Action;

constexpr std::size_t bursts_max = 4; ///< of one port in one turn, so that none starves the others

} // namespace

std::size_t Worker::take_links() {
    halink::MirrorLinks& links = ha_.links();
    std::size_t work = 0;
    for (std::size_t i = 0; i < contract::paths_max; ++i) {
        if (links.descriptor(i) < 0)
            continue;
        links.receive(i);
        while (const auto content = links.opened()) {
            path_.on_frame(*content);
            deliver();
            ++work;
        }
    }
    for (std::size_t i = 0; i < ha_.ports(); ++i)
        work += take_ha(ha_.port(i));
    return work;
}

/// What an HA port has received: the mirror's datagrams are the worker's, everything else is the kernel's.
std::size_t Worker::take_ha(HaPort& port) {
    std::size_t work = 0;
    for (std::size_t i = 0; i < bursts_max; ++i) {
        const auto burst = port.lane().receive();
        for (rte_mbuf* packet : burst) {
            if (const auto content = port.take(packet, now_)) {
                path_.on_frame(*content);
                deliver();
            }
        }
        work += burst.size();
        if (burst.size() < Port::burst_max)
            break;
    }
    return work;
}

/// A peer whose MAC address is not known is asked for; the kernel's socket serves until it answers.
void Worker::look_for_peers() {
    while (const auto ask = ha_.next_ask(now_)) {
        asks_.push({ask->segment, ask->address});
        bell_.ring();
    }
}

void Worker::transmit() {
    while (const auto frame = path_.next_transmit()) {
        if (ha_.full())
            flush_links();
        const halink::Purpose purpose = frame->kind == path::TransmitKind::fresh   ? halink::Purpose::fresh
                                        : frame->kind == path::TransmitKind::again ? halink::Purpose::again
                                                                                   : halink::Purpose::control;
        ha_.add(purpose, 0, frame->frame);
    }
    flush_links();
}

void Worker::flush_links() {
    for (const halink::Transmitted& item : ha_.flush()) {
        switch (item.purpose) {
        case halink::Purpose::redirected:
            path_.redirected(item.sent);
            // What cannot be handed over goes to the server here, which still answers.
            settle(item.token, item.sent == path::Sent::yes ? Action::drop : Action::forward, {});
            break;
        case halink::Purpose::fresh:
            path_.transmitted(path::TransmitKind::fresh, item.sent);
            break;
        case halink::Purpose::again:
            path_.transmitted(path::TransmitKind::again, item.sent);
            break;
        case halink::Purpose::control:
            break;
        }
    }
}

} // namespace tandem::dpdk
