// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Every table that the processes share has a size; these are the sizes.

#include <cstddef>

namespace tandem::contract {

inline constexpr std::size_t groups_max = 8;
inline constexpr std::size_t vips_max = 32;
inline constexpr std::size_t sip_ports_max = 8;
inline constexpr std::size_t paths_max = 4;
/// Threads of an appliance that carry packets.
inline constexpr std::size_t workers_max = 16;
/// Linux IFNAMSIZ: interface names have at most 15 characters.
inline constexpr std::size_t interface_name_max = 16;

} // namespace tandem::contract
