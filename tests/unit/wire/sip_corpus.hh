// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Messages in files, and what is expected of them.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tandem::wire::test {

/// tests/corpus of the source tree.
std::filesystem::path own_corpus();
/// The shared corpora: TANDEM_CORPORA, or ../shared/corpora beside the source tree. Nothing when they are not
/// there.
std::optional<std::filesystem::path> shared_corpora();

std::string contents(const std::filesystem::path& file);
/// Regular files below `directory`, sorted.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& directory);

} // namespace tandem::wire::test
