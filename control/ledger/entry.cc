// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/entry.hh"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace tandem::ledger {
namespace json = boost::json;
namespace {

constexpr std::array<std::string_view, 3> severities{"info", "warning", "error"};
constexpr std::size_t word_max = 64;
constexpr std::size_t time_max = 40;
/// So much of a text stays when the line would be too long.
constexpr std::size_t text_kept = 4096;

/// A number in another base than JSON's, written with all its digits.
std::string hexadecimal(std::uint32_t number) {
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    const std::string text{digits.data(), end};
    return std::string(digits.size() - text.size(), '0') + text;
}

template <class Number>
std::optional<Number> number_in(std::string_view text, int base) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

/// The members of an object, each taken with its type and bound; `good` tells whether all were right.
class Members {
public:
    explicit Members(const json::object& object)
        : object_(object) {}
    std::string text(std::string_view key, std::size_t most) {
        const json::value* value = object_.if_contains(key);
        if (value == nullptr || !value->is_string() || value->get_string().size() > most) {
            good_ = false;
            return {};
        }
        return std::string{value->get_string()};
    }
    template <class Number>
    Number number(std::string_view key) {
        const json::value* value = object_.if_contains(key);
        json::error_code error;
        const Number number = value != nullptr && (value->is_int64() || value->is_uint64())
                                  ? value->to_number<Number>(error)
                                  : Number{};
        good_ = good_ && value != nullptr && (value->is_int64() || value->is_uint64()) && !error;
        return number;
    }
    bool has(std::string_view key) const { return object_.contains(key); }
    bool good() const { return good_; }

private:
    const json::object& object_;
    bool good_{true};
};

/// Cut where a character of UTF-8 begins.
std::string cut(const std::string& text, std::size_t most) {
    if (text.size() <= most)
        return text;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80)
        --end;
    return text.substr(0, end) + "...";
}

void take_line(std::string_view line, Reading& out) {
    json::error_code error;
    const json::value value =
        line.size() > line_max ? json::value{} : json::parse({line.data(), line.size()}, error);
    out.ended = false;
    if (error || !value.is_object()) {
        ++out.damaged;
        return;
    }
    const json::object& object = value.get_object();
    if (const json::value* run = object.if_contains("run"); run != nullptr && run->is_string()) {
        out.ended = run->get_string() == "ended";
        const json::value* boot = object.if_contains("boot");
        if (!out.ended && boot != nullptr && boot->is_string() && boot->get_string().size() <= word_max)
            out.boot = std::string{boot->get_string()};
        return;
    }
    if (auto entry = entry_of(value))
        out.entries.push_back(std::make_shared<const Entry>(std::move(*entry)));
    else
        ++out.damaged;
}

} // namespace

std::string_view to_string(Severity severity) {
    return severities[std::min<std::size_t>(static_cast<std::size_t>(severity), severities.size() - 1)];
}

std::optional<Severity> severity_of(std::string_view word) {
    const auto found = std::ranges::find(severities, word);
    if (found == severities.end())
        return std::nullopt;
    return static_cast<Severity>(found - severities.begin());
}

std::string to_string(const Position& position) {
    return hexadecimal(position.life) + ":" + std::to_string(position.sequence);
}

std::optional<Position> position_of(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto life = number_in<std::uint32_t>(text.substr(0, colon), 16);
    const auto sequence = number_in<std::uint64_t>(text.substr(colon + 1), 10);
    if (!life || !sequence)
        return std::nullopt;
    return Position{*life, *sequence};
}

json::object to_json(const Entry& entry) {
    json::object out{{"seq", entry.sequence},
                     {"time", entry.time},
                     {"monotonic_ns", entry.at.time_since_epoch().count()},
                     {"severity", to_string(entry.severity)},
                     {"name", entry.name},
                     {"group", entry.group},
                     {"text", entry.text},
                     {"data", entry.data},
                     {"node", entry.node},
                     {"node_id", entry.node_id},
                     {"life", hexadecimal(entry.life)},
                     {"wall_us", entry.wall_us}};
    if (entry.ahead_us != 0)
        out["ahead_us"] = entry.ahead_us;
    return out;
}

std::expected<Entry, std::string_view> entry_of(const json::value& value) {
    if (!value.is_object())
        return std::unexpected("not an object");
    Members members{value.get_object()};
    Entry entry;
    entry.sequence = members.number<std::uint64_t>("seq");
    entry.time = members.text("time", time_max);
    entry.at = ha::Instant{std::chrono::nanoseconds{members.number<std::int64_t>("monotonic_ns")}};
    const auto severity = severity_of(members.text("severity", word_max));
    entry.name = members.text("name", word_max);
    entry.group = members.text("group", word_max);
    entry.text = members.text("text", line_max);
    entry.node = members.text("node", word_max);
    entry.node_id = members.number<std::uint8_t>("node_id");
    const auto life = number_in<std::uint32_t>(members.text("life", word_max), 16);
    entry.wall_us = members.number<std::int64_t>("wall_us");
    if (members.has("ahead_us"))
        entry.ahead_us = members.number<std::int64_t>("ahead_us");
    const json::value* data = value.get_object().if_contains("data");
    if (!members.good() || !severity || !life || data == nullptr || !data->is_object())
        return std::unexpected("a member is absent, of another type, or too long");
    if (entry.sequence == 0 || entry.name.empty())
        return std::unexpected("it has no number or no name");
    // Both are subtracted from each other.
    constexpr std::int64_t far = std::int64_t{1} << 60;
    if (std::max({entry.wall_us, entry.ahead_us}) > far || std::min({entry.wall_us, entry.ahead_us}) < -far)
        return std::unexpected("it is of no time");
    entry.severity = *severity;
    entry.life = *life;
    entry.data = data->get_object();
    return entry;
}

std::string to_line(const Entry& entry) {
    std::string line = json::serialize(to_json(entry));
    if (line.size() > line_max) {
        Entry shorter = entry;
        shorter.data = {{"cut", true}};
        shorter.text = cut(entry.text, text_kept);
        line = json::serialize(to_json(shorter));
        if (line.size() > line_max) { // what is written as \u0000 has six characters for one
            shorter.text = cut(entry.text, text_kept / 4);
            line = json::serialize(to_json(shorter));
        }
    }
    return line + "\n";
}

std::string to_line(const Mark& mark) {
    if (mark.kind == Mark::Kind::ended)
        return json::serialize(json::object{{"run", "ended"}}) + "\n";
    return json::serialize(json::object{{"run", "begins"}, {"boot", mark.boot}}) + "\n";
}

Reading read_lines(std::string_view text) {
    Reading out;
    for (;;) {
        const std::size_t end = text.find('\n', out.whole);
        if (end == std::string_view::npos)
            return out;
        take_line(text.substr(out.whole, end - out.whole), out);
        out.whole = end + 1;
    }
}

} // namespace tandem::ledger
