// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Numbers in network byte order at an offset.
//
// Problem: a cast to a struct reads beyond short buffers and at odd addresses.
// Idea: a fixed-width load or store at an offset whose bounds the caller has checked once for the whole
// header; the assertion below is the invariant, not the check, and stays in release builds. Deliberately
// absent: cursors, and errors. A reader checks the length first and names its own reason.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>

namespace tandem::wire {

namespace detail {

/// Exchanges host order and network order.
template <typename T>
constexpr T big_endian(T value) noexcept {
    if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big)
        return value;
    else if constexpr (sizeof(T) == 2)
        return __builtin_bswap16(value);
    else if constexpr (sizeof(T) == 4)
        return __builtin_bswap32(value);
    else
        return __builtin_bswap64(value);
}

} // namespace detail

template <typename T>
constexpr T load_be(std::span<const std::uint8_t> bytes, std::size_t offset) noexcept {
    static_assert(std::is_unsigned_v<T>);
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        std::abort();
    if (!std::is_constant_evaluated()) {
        T value;
        std::memcpy(&value, bytes.data() + offset, sizeof value);
        return detail::big_endian(value);
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = value << 8U | bytes[offset + i];
    return static_cast<T>(value);
}

template <typename T>
constexpr void store_be(std::span<std::uint8_t> bytes, std::size_t offset, T value) noexcept {
    static_assert(std::is_unsigned_v<T>);
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        std::abort();
    if (!std::is_constant_evaluated()) {
        value = detail::big_endian(value);
        std::memcpy(bytes.data() + offset, &value, sizeof value);
        return;
    }
    for (std::size_t i = 0; i < sizeof(T); ++i)
        bytes[offset + i] =
            static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8U * (sizeof(T) - 1U - i)));
}

} // namespace tandem::wire
