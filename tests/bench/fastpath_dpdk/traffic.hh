// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Traffic for the benchmark of the DPDK rows: what phones and trunks send to a VIP.
//
// Each user sends eight messages, over and over: REGISTER, INVITE, ACK and BYE of one call, CANCEL of
// another, OPTIONS, and two answers (180 and 200). So one message in eight is a REGISTER, one in four an
// answer, and the users are all at another place in that sequence. Every message comes from a source of its
// own: there are as many flows as messages. Texts have 740 octets on average. Deliberately absent: chance at
// run time; the same numbers give the same traffic.

#include "dataplane/wire/address.hh"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fastpath_bench {

using Octets = std::vector<std::uint8_t>;

struct Traffic {
    std::vector<Octets> frames; ///< Ethernet frames, in the order in which they are sent
    std::size_t flows{0};
    double text_average{0}; ///< octets of the UDP payload
    std::size_t registers{0};
    std::size_t responses{0};
};

tandem::wire::MacAddress outside_station();
/// From which the traffic comes.
tandem::wire::MacAddress router_station();
tandem::wire::MacAddress inside_station();
/// The outside port's own: what is forwarded is received again, and must be for that port.
tandem::wire::MacAddress server_station();
tandem::wire::IpAddress vip();

/// So many frames of SIP; a multiple of eight.
Traffic sip_traffic(std::size_t frames);
/// So many frames of RTP, 172 octets each, of as many streams.
Traffic rtp_traffic(std::size_t frames);

} // namespace fastpath_bench
