// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/options.hh"

#include <algorithm>
#include <charconv>

namespace tandem::phone {

std::expected<Options, std::string> Options::read(const std::vector<std::string>& words,
                                                  const std::vector<std::string_view>& names,
                                                  const std::vector<std::string_view>& flags) {
    Options options;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (!word.starts_with("--"))
            return std::unexpected("unexpected word: " + word);
        const std::string name = word.substr(2);
        if (std::ranges::find(flags, name) != flags.end()) {
            options.values_[name].emplace_back();
            continue;
        }
        if (std::ranges::find(names, name) == names.end())
            return std::unexpected("unknown option: " + word);
        if (i + 1 == words.size())
            return std::unexpected(word + " needs a value");
        options.values_[name].push_back(words[++i]);
    }
    return options;
}

std::expected<std::string, std::string> Options::text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end())
        return std::unexpected("--" + name + " is missing");
    return found->second.back();
}

std::vector<std::string> Options::texts(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::expected<std::uint64_t, std::string> Options::number(const std::string& name, std::uint64_t low,
                                                          std::uint64_t high, std::uint64_t fallback) const {
    if (!given(name))
        return fallback;
    const std::string& value = values_.at(name).back();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || end != value.data() + value.size() || number < low || number > high)
        return std::unexpected("--" + name + " must be a number from " + std::to_string(low) + " to " +
                               std::to_string(high));
    return number;
}

} // namespace tandem::phone
