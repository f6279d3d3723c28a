// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The socket filter of ClaimWatch, as a program for the kernel.
//
// Problem: a busy interface carries hundreds of thousands of packets a second, of which one a year is a
// claim. Idea: a classic BPF program, made for one list of VIPs, lets only claims through. It is one way to
// say what ClaimWatch checks again on the few frames that pass. Deliberately absent: checksums and options,
// which are left to the second look.

#include "dataplane/wire/address.hh"

#include <linux/filter.h>

#include <span>
#include <vector>

namespace tandem::announce {

/// Octets of a frame that are let through: no ARP or neighbour message on Ethernet is longer.
inline constexpr std::size_t claim_frame_max = 2048;

/// Lets through: untagged frames that came from outside, not from `own`, and are ARP requests or replies
/// whose sender address, or neighbour advertisements whose target address is in `vips`.
std::vector<sock_filter> claim_filter(const wire::MacAddress& own, std::span<const wire::IpAddress> vips);

} // namespace tandem::announce
