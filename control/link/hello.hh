// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The first message of each side on the control stream: who speaks, and which version. Pure.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace tandem::link {

/// The version that this program speaks. It also speaks the one before; this is the first.
inline constexpr unsigned stream_version = 1;
/// A hello longer than this is refused unread.
inline constexpr std::size_t hello_max = 1024;

struct Hello {
    unsigned version{stream_version};
    std::uint8_t node_id{0};
    std::string pair_id;
};

std::string to_json(const Hello& hello);

/// The peer's hello, or a sentence that says why there can be no session with it. Members that are not known
/// are ignored, so that a later version may say more.
std::expected<Hello, std::string> read_hello(std::string_view text, const Hello& own);

} // namespace tandem::link
