// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/query.hh"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace tandem::ledger {
namespace {

constexpr std::int64_t second_us = 1'000'000;

/// Reads along a text; once something is not as wanted, everything else is not either.
class Cursor {
public:
    explicit Cursor(std::string_view text)
        : text_(text) {}
    /// That many digits, with a value in the range.
    int digits(std::size_t count, int least, int most) {
        int number = 0;
        const auto end = text_.data() + std::min(count, text_.size());
        const auto [stop, error] = std::from_chars(text_.data(), end, number);
        good_ = good_ && text_.size() >= count && text_.front() != '-' && error == std::errc{} &&
                stop == end && number >= least && number <= most;
        text_.remove_prefix(std::min(count, text_.size()));
        return number;
    }
    bool skip(char c) {
        if (text_.empty() || text_.front() != c)
            return false;
        text_.remove_prefix(1);
        return true;
    }
    void need(char c) { good_ = skip(c) && good_; }
    /// Digits behind the point, as microseconds.
    std::int64_t fraction() {
        std::int64_t micros = 0;
        std::int64_t unit = second_us;
        std::size_t count = 0;
        for (; !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; ++count) {
            unit /= 10;
            micros += (text_.front() - '0') * unit;
            text_.remove_prefix(1);
        }
        good_ = good_ && count > 0 && count <= 9;
        return micros;
    }
    bool at_end() const { return text_.empty(); }
    bool good() const { return good_; }

private:
    std::string_view text_;
    bool good_{true};
};

std::optional<std::int64_t> ago(std::string_view text, std::int64_t now_us) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || end + 1 != text.data() + text.size() || count < 0 || count > 100'000'000)
        return std::nullopt;
    const std::int64_t seconds = *end == 's'   ? 1
                                 : *end == 'm' ? 60
                                 : *end == 'h' ? 3600
                                 : *end == 'd' ? 86'400
                                               : 0;
    return seconds == 0 ? std::nullopt : std::optional{now_us - count * seconds * second_us};
}

std::optional<std::int64_t> at(std::string_view text) {
    Cursor cursor{text};
    std::tm parts{};
    std::int64_t micros = 0;
    parts.tm_year = cursor.digits(4, 1970, 9999) - 1900;
    cursor.need('-');
    parts.tm_mon = cursor.digits(2, 1, 12) - 1;
    cursor.need('-');
    parts.tm_mday = cursor.digits(2, 1, 31);
    parts.tm_isdst = -1;
    if (cursor.skip('T') || cursor.skip(' ')) {
        parts.tm_hour = cursor.digits(2, 0, 23);
        cursor.need(':');
        parts.tm_min = cursor.digits(2, 0, 59);
        if (cursor.skip(':')) {
            parts.tm_sec = cursor.digits(2, 0, 60);
            if (cursor.skip('.'))
                micros = cursor.fraction();
        }
    }
    const bool east = cursor.skip('+');
    const bool west = !east && cursor.skip('-');
    std::int64_t zone = 0;
    if (east || west) {
        zone = cursor.digits(2, 0, 14) * std::int64_t{3600};
        cursor.need(':');
        zone += cursor.digits(2, 0, 59) * std::int64_t{60};
    }
    const bool zoned = east || west || cursor.skip('Z');
    if (!cursor.good() || !cursor.at_end())
        return std::nullopt;
    const int day = parts.tm_mday;
    const std::int64_t seconds = zoned ? ::timegm(&parts) - (west ? -zone : zone) : ::mktime(&parts);
    if (parts.tm_mday != day) // the 31st of a month that has none, or a leap second at its end
        return std::nullopt;
    return seconds * second_us + micros;
}

/// How grave the alarm is that the event is about; nothing when it is about none.
std::optional<Gravity> gravity_in(const Entry& entry) {
    const auto* word = entry.data.if_contains("severity");
    return word != nullptr && word->is_string() ? gravity_of(std::string_view{word->get_string()})
                                                : std::nullopt;
}

} // namespace

bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t retry = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

bool matches(const Filter& filter, const Entry& entry) {
    return (filter.group.empty() || filter.group == entry.group) &&
           (filter.name.empty() || matches(filter.name, entry.name)) &&
           (!filter.severity || entry.severity >= *filter.severity) &&
           (!filter.gravity || gravity_in(entry) >= filter.gravity) &&
           (!filter.after || entry.sequence > *filter.after) &&
           (!filter.since_us || entry.order_us() >= *filter.since_us);
}

Slice merge(const std::array<Slice, 2>& slices, std::size_t limit, From from) {
    Slice out;
    out.more = slices[0].more || slices[1].more;
    std::array<std::size_t, 2> taken{};
    const auto left = [&](std::size_t i) { return slices[i].entries.size() - taken[i]; };
    // The one at this end of what is left of a list.
    const auto& next = [&](std::size_t i) -> const EntryPtr& {
        const auto& entries = slices[i].entries;
        return from == From::oldest ? entries[taken[i]] : entries[entries.size() - 1 - taken[i]];
    };
    while (left(0) + left(1) > 0 && out.entries.size() < limit) {
        std::size_t which = left(0) == 0 ? 1 : 0;
        if (left(0) > 0 && left(1) > 0) {
            const bool second_earlier = next(1)->order_us() < next(0)->order_us();
            which = second_earlier == (from == From::oldest) ? 1 : 0;
        }
        out.entries.push_back(next(which));
        ++taken[which];
        // Nothing behind the end of a list that goes on is known: the other one waits for it.
        if (from == From::oldest && slices[which].more && left(which) == 0)
            break;
    }
    out.more = out.more || left(0) + left(1) > 0;
    if (from == From::newest)
        std::ranges::reverse(out.entries);
    return out;
}

std::expected<std::int64_t, std::string> moment_of(std::string_view text, std::int64_t now_us) {
    if (const auto relative = ago(text, now_us))
        return *relative;
    if (const auto absolute = at(text))
        return *absolute;
    return std::unexpected(
        std::string{"a time is written like 10m, 2h, 2026-11-22T16:00 or 2026-11-22T16:00:05.25+01:00"});
}

} // namespace tandem::ledger
