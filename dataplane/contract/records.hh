// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How much the fast path keeps of what passes by, and what it calls it.
//
// The brain writes it before the first policy; the engine reads it once, when it starts, and makes the files
// (table_file.hh) of these sizes. Deliberately absent: what stands in the records (dataplane/state).

#include "dataplane/contract/limits.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace tandem::contract {

inline constexpr std::size_t group_name_max = 33; ///< with its NUL
using GroupNames = std::array<std::array<char, group_name_max>, groups_max>;

enum class Keeping : std::uint8_t { off, on };

struct RecordSetup {
    std::uint32_t registrations_max{100'000};
    std::uint32_t dialogs_max{50'000};
    std::uint32_t flows_max{100'000};
    Keeping capture{Keeping::on};
    std::uint16_t capture_seconds{30};
    std::uint32_t capture_octets{32U << 20U};
    GroupNames group_names{}; ///< as in Policy::groups, NUL-terminated
};
static_assert(std::is_trivially_copyable_v<RecordSetup>);

} // namespace tandem::contract
