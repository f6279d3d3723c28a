// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/answer.hh"

#include <charconv>

namespace tandem::phone {

namespace {

bool same_name(std::string_view text, std::string_view lower) {
    if (text.size() != lower.size())
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + ('a' - 'A')) : text[i];
        if (c != lower[i])
            return false;
    }
    return true;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

} // namespace

std::optional<Answer> read_answer(std::string_view datagram, std::string_view call_id_prefix) {
    constexpr std::string_view version = "SIP/2.0 ";
    if (!datagram.starts_with(version) || datagram.size() < version.size() + 3)
        return std::nullopt;
    Answer answer;
    const char* digits = datagram.data() + version.size();
    const auto [end, error] = std::from_chars(digits, digits + 3, answer.status);
    if (error != std::errc{} || end != digits + 3 || answer.status < 100 || answer.status > 699)
        return std::nullopt;

    bool sequence_seen = false;
    bool ours = false;
    auto line_end = datagram.find('\n');
    while (line_end != std::string_view::npos && !(sequence_seen && ours)) {
        datagram.remove_prefix(line_end + 1);
        line_end = datagram.find('\n');
        const std::string_view line = datagram.substr(0, line_end);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            break; // the empty line: the headers end here
        const std::string_view name = trimmed(line.substr(0, colon));
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (same_name(name, "cseq")) {
            const auto read = std::from_chars(value.data(), value.data() + value.size(), answer.sequence);
            sequence_seen = read.ec == std::errc{};
        } else if (same_name(name, "call-id") || same_name(name, "i")) {
            ours = value.starts_with(call_id_prefix);
        }
    }
    return sequence_seen && ours ? std::optional(answer) : std::nullopt;
}

} // namespace tandem::phone
