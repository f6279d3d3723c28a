// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Every outcome of a packet has a counter, and every counter a name and a sentence for the operator.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::contract {

// name, sentence. The name is stable: it is what tandemctl, SNMP and the documentation show.
#define TANDEM_COUNTERS(X)                                                                                   \
    X(sip_received, "SIP messages to a VIP that reached the engine")                                         \
    X(sip_forwarded, "SIP messages passed on to the local server")                                           \
    X(sip_malformed, "messages on a SIP port that do not begin as SIP; passed on, not mirrored")             \
    X(sip_keepalive, "CRLF or STUN-like keep-alives on a SIP port; passed on")                               \
    X(not_sip, "other packets for a VIP, media for instance; passed on")                                     \
    X(packet_truncated, "packets too short for their own headers; passed on, but not by an appliance")       \
    X(packet_fragment, "IP fragments that were not reassembled; passed on")                                  \
    X(drop_standby, "SIP messages from outside dropped because this node is standby")                        \
    X(held, "packets kept back because the grant had lapsed")                                                \
    X(held_released, "packets kept back and then passed on: the grant was renewed")                          \
    X(held_dropped, "packets kept back and then dropped: the grant was not renewed")                         \
    X(redirected_sent, "packets redirected to the new active after a planned switchover")                    \
    X(redirected_received, "packets that the old active redirected here")                                    \
    X(redirected_refused,                                                                                    \
      "redirected packets that came while this node was neither active nor in doubt; dropped")               \
    X(mirror_matched, "messages that matched the request pattern")                                           \
    X(mirror_sent, "mirrored packets sent to the peer")                                                      \
    X(mirror_retransmitted, "mirrored packets sent again on request")                                        \
    X(mirror_no_link, "matching messages not sent because no HA path has keys; kept in the history")         \
    X(mirror_send_failed,                                                                                    \
      "mirrored packets that the kernel or a full HA port did not take; kept in the history")                \
    X(mirror_too_large, "messages too large for one mirror datagram")                                        \
    X(mirror_evicted, "packets that left the history before the peer confirmed them")                        \
    X(mirror_missed, "SIP packets that the kernel passed on while the engine was away: never mirrored")      \
    X(mirror_received, "mirrored packets received and authentic")                                            \
    X(mirror_delivered, "mirrored packets put in front of the shadow server")                                \
    X(mirror_duplicate, "mirrored packets received twice; dropped")                                          \
    X(mirror_repaired, "mirrored packets that were missing and came after a request")                        \
    X(mirror_lost, "mirrored packets that could not be repaired")                                            \
    X(mirror_not_standby, "mirrored packets that came while this node was not standby; dropped")             \
    X(mirror_old_epoch, "mirrored packets of an older epoch; dropped")                                       \
    X(mirror_late,                                                                                           \
      "mirrored REGISTERs of the term before that came after the takeover; given to the server")             \
    X(mirror_deferred,                                                                                       \
      "mirrored packets kept until the end of a planned switchover or of a doubt about the role")            \
    X(mirror_deliver_failed, "mirrored packets that the shadow interface did not take")                      \
    X(mirror_not_vip, "mirrored packets whose inner destination is no VIP of this node; dropped")            \
    X(link_truncated, "datagrams on the mirror port too short for their header")                             \
    X(link_version, "datagrams on the mirror port with an unknown version or type")                          \
    X(link_association, "datagrams on the mirror port of an unknown association")                            \
    X(link_unauthentic, "datagrams on the mirror port that failed authentication")                           \
    X(link_replayed, "datagrams on the mirror port received before")                                         \
    X(link_malformed, "authentic datagrams on the mirror port whose content is not understood")              \
    X(shadow_held_back, "packets of the shadow server held back from the network")                           \
    X(shadow_other, "packets on the shadow interface from another source than a VIP; dropped")               \
    X(queue_overrun, "times the kernel queue was full; those packets were passed on unmirrored")             \
    X(inside_forwarded, "packets of the server behind this appliance passed on to the network")              \
    X(inside_held_back, "packets of the server behind this appliance held back: this node is not active")    \
    X(stream_messages, "SIP messages read out of TCP streams")                                               \
    X(stream_not_inspected, "TCP streams on a SIP port that are TLS, WebSocket or no SIP; passed on")        \
    X(stream_lost, "times that a TCP stream on a SIP port could not be followed; passed on")                 \
    X(stream_evicted, "TCP streams that were given up for want of room; passed on, not inspected")           \
    X(kernel_out, "packets that were not for the fast path; given to the kernel")                            \
    X(kernel_in, "packets of the kernel sent out of a port")                                                 \
    X(kernel_failed, "packets for the kernel that its interface did not take")                               \
    X(address_answered, "ARP requests and neighbour solicitations for a VIP that were answered")             \
    X(address_silent, "ARP requests and neighbour solicitations for a VIP left alone: not active")           \
    X(next_hop_waiting, "packets that waited for the MAC address of their next hop")                         \
    X(next_hop_failed, "packets dropped because the next hop has no MAC address or there is no route")       \
    X(fragments_given_up, "IP fragments dropped: their packet stayed incomplete or contradicted itself")     \
    X(packet_too_big, "packets larger than the way out that must not be fragmented; the sender was told")    \
    X(worker_full, "packets dropped because the worker that they belong to was behind")                      \
    X(port_full, "packets that a port did not take")                                                         \
    X(no_buffer, "packets dropped because no packet buffer was free")                                        \
    X(ha_port_sent, "mirror datagrams, or pieces of them, that an HA port sent past the kernel")             \
    X(ha_port_received, "mirror datagrams that were taken from an HA port, past the kernel; authentic ones") \
    X(mirror_resend_dropped,                                                                                 \
      "mirrored packets asked for again and dropped because the HA port was full; asked for once more")      \
    X(link_clear, "mirror datagrams in clear where they must be sealed; refused")

enum class Counter : std::uint16_t {
#define TANDEM_COUNTER_ENUM(name, sentence) name,
    TANDEM_COUNTERS(TANDEM_COUNTER_ENUM)
#undef TANDEM_COUNTER_ENUM
        count_
};
inline constexpr std::size_t counter_count = static_cast<std::size_t>(Counter::count_);

struct CounterText {
    std::string_view name;
    std::string_view sentence;
};
inline constexpr std::array<CounterText, counter_count> counter_texts{{
#define TANDEM_COUNTER_TEXT(name, sentence) {#name, sentence},
    TANDEM_COUNTERS(TANDEM_COUNTER_TEXT)
#undef TANDEM_COUNTER_TEXT
}};

constexpr std::string_view to_string(Counter c) {
    return counter_texts[static_cast<std::size_t>(c)].name;
}

/// Counters in the shared page. One writer (the worker), any number of readers. They survive a restart of the
/// engine.
class Counters {
public:
    void add(Counter c, std::uint64_t n = 1) noexcept {
        auto& value = values_[static_cast<std::size_t>(c)];
        value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t get(Counter c) const noexcept {
        return values_[static_cast<std::size_t>(c)].load(std::memory_order_relaxed);
    }

private:
    std::array<std::atomic<std::uint64_t>, counter_count> values_{};
};

} // namespace tandem::contract
