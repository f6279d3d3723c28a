// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/section.hh"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace tandem::config {
namespace {

/// Number of single-character edits that turn one word into the other, cost of an exchange of neighbours
/// included.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

std::string listed(const std::vector<std::string>& words) {
    std::string result;
    for (const auto& word : words)
        result += (result.empty() ? "" : ", ") + word;
    return result;
}

std::string range_text(Range range) {
    return std::to_string(range.least) + " to " + std::to_string(range.most);
}

} // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    // A key far longer than any known one is near to none; this also bounds the work.
    constexpr std::size_t word_max = 64;
    if (word.size() > word_max)
        return {};
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 2) + 1;
    for (const auto& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

Problems Complaints::take() {
    std::ranges::stable_sort(problems_, {}, [](const Problem& p) { return std::tuple{p.line, p.column}; });
    return std::move(problems_);
}

const Value* Section::find(std::string_view key, Presence presence, std::string_view wanted) {
    asked_.emplace_back(key);
    const auto entry = std::ranges::find(table_, key, &Entry::key);
    if (entry != table_.end())
        return &entry->value;
    if (presence == Presence::required)
        complain(place_, name_ + " has no \"" + std::string{key} + "\"",
                 "add " + std::string{key} + ": " + std::string{wanted});
    return nullptr;
}

std::optional<Place> Section::place_of(std::string_view key) const {
    const auto entry = std::ranges::find(table_, key, &Entry::key);
    return entry == table_.end() ? std::nullopt : std::optional{entry->place};
}

bool Section::is_array(std::string_view key) const {
    const auto entry = std::ranges::find(table_, key, &Entry::key);
    return entry != table_.end() && std::holds_alternative<Value::Array>(entry->value.data);
}

void Section::wrong_type(std::string_view key, const Value& value, std::string_view wanted) {
    complain(value.place, "\"" + std::string{key} + "\" is " + std::string{value.kind()},
             "it must be " + std::string{wanted});
}

bool Section::in_range(std::string_view key, const Value& value, double number, Range range) {
    // Written so that a number that is none (NaN) is out of range.
    if (number >= static_cast<double>(range.least) && number <= static_cast<double>(range.most))
        return true;
    complain(value.place, "\"" + std::string{key} + "\" is out of range", "it must be " + range_text(range));
    return false;
}

std::optional<Placed<std::string>> Section::text(std::string_view key, Presence presence) {
    const Value* value = find(key, presence, "a string");
    if (value == nullptr)
        return std::nullopt;
    if (const auto* found = std::get_if<std::string>(&value->data))
        return Placed<std::string>{*found, value->place};
    wrong_type(key, *value, "a string, in quotes");
    return std::nullopt;
}

std::optional<Placed<std::int64_t>> Section::integer(std::string_view key, Range range, Presence presence) {
    const Value* value = find(key, presence, "an integer, " + range_text(range));
    if (value == nullptr)
        return std::nullopt;
    const auto* found = std::get_if<std::int64_t>(&value->data);
    if (found == nullptr) {
        wrong_type(key, *value, "an integer, " + range_text(range));
        return std::nullopt;
    }
    if (!in_range(key, *value, static_cast<double>(*found), range))
        return std::nullopt;
    return Placed<std::int64_t>{*found, value->place};
}

std::optional<Placed<double>> Section::number(std::string_view key, Range range, Presence presence) {
    const Value* value = find(key, presence, "a number, " + range_text(range));
    if (value == nullptr)
        return std::nullopt;
    double number = 0;
    if (const auto* whole = std::get_if<std::int64_t>(&value->data))
        number = static_cast<double>(*whole);
    else if (const auto* decimal = std::get_if<double>(&value->data))
        number = *decimal;
    else {
        wrong_type(key, *value, "a number, " + range_text(range));
        return std::nullopt;
    }
    if (!in_range(key, *value, number, range))
        return std::nullopt;
    return Placed<double>{number, value->place};
}

std::optional<Placed<bool>> Section::boolean(std::string_view key, Presence presence) {
    const Value* value = find(key, presence, "true or false");
    if (value == nullptr)
        return std::nullopt;
    if (const auto* found = std::get_if<bool>(&value->data))
        return Placed<bool>{*found, value->place};
    wrong_type(key, *value, "true or false, without quotes");
    return std::nullopt;
}

std::optional<Placed<std::size_t>>
Section::word(std::string_view key, const std::vector<std::string_view>& words, Presence presence) {
    const auto found = text(key, presence);
    if (!found)
        return std::nullopt;
    const auto position = std::ranges::find(words, std::string_view{found->value});
    if (position != words.end())
        return Placed<std::size_t>{static_cast<std::size_t>(position - words.begin()), found->place};
    const std::vector<std::string> candidates(words.begin(), words.end());
    const std::string meant = nearest(found->value, candidates);
    complain(found->place, "\"" + std::string{key} + "\" cannot be " + quoted(found->value),
             (meant.empty() ? "" : "did you mean \"" + meant + "\"? ") + "possible: " + listed(candidates));
    return std::nullopt;
}

const Value::Array* Section::array(std::string_view key, std::size_t count_max, Presence presence,
                                   std::string_view wanted) {
    const Value* value = find(key, presence, wanted);
    if (value == nullptr)
        return nullptr;
    const auto* elements = std::get_if<Value::Array>(&value->data);
    if (elements == nullptr) {
        wrong_type(key, *value, wanted);
        return nullptr;
    }
    if (elements->empty() || elements->size() > count_max) {
        complain(value->place,
                 "\"" + std::string{key} + "\" has " + std::to_string(elements->size()) + " elements",
                 "it must have 1 to " + std::to_string(count_max));
        return nullptr;
    }
    return elements;
}

std::optional<std::vector<Placed<std::string>>> Section::texts(std::string_view key, std::size_t count_max,
                                                               Presence presence) {
    const auto* elements = array(key, count_max, presence, "an array of strings, [\"...\"]");
    if (elements == nullptr)
        return std::nullopt;
    std::vector<Placed<std::string>> result;
    for (const auto& element : *elements) {
        if (const auto* found = std::get_if<std::string>(&element.data))
            result.push_back({*found, element.place});
        else
            wrong_type(key, element, "an array of strings only");
    }
    return result;
}

std::optional<std::vector<Placed<std::int64_t>>> Section::integers(std::string_view key, Range range,
                                                                   std::size_t count_max, Presence presence) {
    const auto* elements =
        array(key, count_max, presence, "an array of integers, [" + range_text(range) + "]");
    if (elements == nullptr)
        return std::nullopt;
    std::vector<Placed<std::int64_t>> result;
    for (const auto& element : *elements) {
        const auto* found = std::get_if<std::int64_t>(&element.data);
        if (found == nullptr)
            wrong_type(key, element, "an array of integers only");
        else if (in_range(key, element, static_cast<double>(*found), range))
            result.push_back({*found, element.place});
    }
    return result;
}

std::optional<Placed<const Table*>> Section::table(std::string_view key, Presence presence) {
    const Value* value = find(key, presence, "a section [" + std::string{key} + "]");
    if (value == nullptr)
        return std::nullopt;
    if (const auto* found = std::get_if<Table>(&value->data))
        return Placed<const Table*>{found, value->place};
    wrong_type(key, *value, "a section: write [" + std::string{key} + "]");
    return std::nullopt;
}

std::vector<Placed<const Table*>> Section::tables(std::string_view key, std::size_t count_max,
                                                  Presence presence) {
    const std::string form = "[[" + std::string{key} + "]]";
    const Value* value = find(key, presence, "at least one section " + form);
    if (value == nullptr)
        return {};
    const auto* elements = std::get_if<Value::Array>(&value->data);
    if (elements == nullptr) {
        wrong_type(key, *value, "a list of sections: write " + form);
        return {};
    }
    std::vector<Placed<const Table*>> result;
    for (const auto& element : *elements) {
        if (const auto* found = std::get_if<Table>(&element.data))
            result.push_back({found, element.place});
        else
            wrong_type(key, element, "a list of sections: write " + form);
    }
    if (elements->empty() || elements->size() > count_max)
        complain(value->place, "there are " + std::to_string(elements->size()) + " sections " + form,
                 "there must be 1 to " + std::to_string(count_max));
    return result;
}

void Section::finish() {
    for (const auto& entry : table_) {
        if (complaints_.full())
            return;
        if (std::ranges::find(asked_, entry.key) != asked_.end())
            continue;
        const std::string meant = nearest(entry.key, asked_);
        complain(entry.place, "unknown key " + quoted(entry.key) + " in " + name_,
                 meant.empty() ? "known keys: " + listed(asked_) : "did you mean \"" + meant + "\"?");
    }
}

} // namespace tandem::config
