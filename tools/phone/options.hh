// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The command line as words: `--name value` pairs, each name known beforehand, some repeatable.

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::phone {

class Options {
public:
    /// Reads `--name value` and, for the names in `flags`, `--name` alone. The error is a sentence.
    static std::expected<Options, std::string> read(const std::vector<std::string>& words,
                                                    const std::vector<std::string_view>& names,
                                                    const std::vector<std::string_view>& flags);

    bool given(const std::string& name) const { return values_.contains(name); }
    /// Of the last occurrence; the error names the option.
    std::expected<std::string, std::string> text(const std::string& name) const;
    std::vector<std::string> texts(const std::string& name) const;
    /// A whole number in [low, high]; `fallback` when the option is absent.
    std::expected<std::uint64_t, std::string> number(const std::string& name, std::uint64_t low,
                                                     std::uint64_t high, std::uint64_t fallback) const;

private:
    std::map<std::string, std::vector<std::string>> values_;
};

} // namespace tandem::phone
