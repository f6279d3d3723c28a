// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A small file that is replaced whole: written beside, synced, renamed. So it is always one of the states
// that were saved.

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace tandem::ledger {

/// Replaces the file, mode 0600; its folder is made where it is missing. A sentence on failure; the file is
/// then as it was.
std::expected<void, std::string> replace_file(const std::string& path, std::string_view content);

/// Empty when there is no such file, or when it is longer than `most`.
std::string read_file(const std::string& path, std::size_t most);

} // namespace tandem::ledger
