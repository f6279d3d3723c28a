// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/process.hh"

#include <algorithm>
#include <charconv>

namespace tandem::watch {

namespace {

constexpr std::int32_t pid_max = 1 << 22; // PID_MAX_LIMIT of a 64-bit kernel

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/// Takes the word at the front off.
std::string_view take_word(std::string_view& text) {
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

template <typename T>
std::optional<T> number(std::string_view word) {
    T value{};
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || error != std::errc{} || stop != word.data() + word.size())
        return std::nullopt;
    return value;
}

} // namespace

std::optional<std::int32_t> read_pid_file(std::string_view text) {
    std::string_view line = text.substr(0, text.find('\n'));
    while (!line.empty() && is_blank(line.front()))
        line.remove_prefix(1);
    while (!line.empty() && is_blank(line.back()))
        line.remove_suffix(1);
    const auto pid = number<std::int32_t>(line);
    return pid && *pid >= 1 && *pid <= pid_max ? pid : std::nullopt;
}

bool is_program(std::string_view link, std::string_view program) {
    constexpr std::string_view replaced = " (deleted)"; // proc(5)
    return !program.empty() && (link == program || (link.size() == program.size() + replaced.size() &&
                                                    link.starts_with(program) && link.ends_with(replaced)));
}

std::optional<std::int32_t> main_process(std::span<const Candidate> candidates) {
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates) {
        const bool child = std::ranges::any_of(candidates, [&](const Candidate& other) {
            return other.pid == candidate.parent && other.pid != candidate.pid;
        });
        if (!child && (best == nullptr || candidate.started < best->started ||
                       (candidate.started == best->started && candidate.pid < best->pid)))
            best = &candidate;
    }
    return best == nullptr ? std::nullopt : std::optional{best->pid};
}

std::optional<Candidate> read_stat(std::int32_t pid, std::string_view stat) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos)
        return std::nullopt;
    std::string_view rest = stat.substr(name_end + 1);
    const std::string_view state = take_word(rest);
    const auto parent = number<std::int32_t>(take_word(rest));
    constexpr int between = 17; // fields 5 to 21 of proc_pid_stat(5); 22 is the start
    for (int i = 0; i < between; ++i)
        take_word(rest);
    const auto started = number<std::uint64_t>(take_word(rest));
    if (state.size() != 1 || state == "Z" || state == "X" || !parent || !started)
        return std::nullopt;
    return Candidate{.pid = pid, .parent = *parent, .started = *started};
}

} // namespace tandem::watch
