// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Asking for memory before it is needed.
//
// Problem: what lies far away takes as long as a few hundred instructions. Idea: fetch() asks for a line and
// goes on; bring() loads it, and what follows waits in the end, but many of them go on beside each other. For
// texts that are needed at once the second has measured better, for scattered records the first. Deliberately
// absent: knowledge of what is there already.

#include <cstddef>
#include <cstdint>

namespace tandem::table {

inline constexpr std::uintptr_t line_octets = 64;

/// Loads one octet; what follows does not wait for it.
[[gnu::always_inline]] inline void bring(const void* at) noexcept {
    const char octet = *static_cast<const volatile char*>(at);
    asm volatile("" : : "r"(octet));
}

/// Asks for every cache line of so many octets.
[[gnu::always_inline]] inline void fetch(const void* at, std::size_t octets = 1) noexcept {
    const auto first = reinterpret_cast<std::uintptr_t>(at);
    for (std::uintptr_t line = first & ~(line_octets - 1); line < first + octets; line += line_octets)
        __builtin_prefetch(reinterpret_cast<const void*>(line));
}

/// Asks for a line that will be written: asked for reading, it may have to be asked for a second time.
/// Processors that do not know the instruction do nothing.
[[gnu::always_inline]] inline void fetch_to_write(const void* at) noexcept {
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
}

/// Of every cache line of so many octets one.
[[gnu::always_inline]] inline void bring(const void* at, std::size_t octets) noexcept {
    const auto* first = static_cast<const char*>(at);
    for (std::size_t i = 0; i < octets; i += line_octets)
        bring(first + i);
    if (octets > 0)
        bring(first + octets - 1);
}

} // namespace tandem::table
