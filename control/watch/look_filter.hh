// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The socket filter of Look, as a program for the kernel.
//
// Problem: the packet socket of a busy interface would wake the pulse for every packet. Idea: a classic BPF
// program lets only whole UDP datagrams from the VIP and its port to our address and port through. Look reads
// those again with the full parsers. Deliberately absent: checksums, options, what is inside.

#include "dataplane/wire/address.hh"

#include <linux/filter.h>

#include <cstdint>
#include <vector>

namespace tandem::watch {

/// Of an untagged Ethernet frame. Both addresses are of the same family; empty (nothing passes) otherwise.
std::vector<sock_filter> look_filter(const wire::IpAddress& from, std::uint16_t from_port,
                                     const wire::IpAddress& to, std::uint16_t to_port);

} // namespace tandem::watch
