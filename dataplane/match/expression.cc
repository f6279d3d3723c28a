// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/match/expression.hh"

#include "dataplane/contract/pattern_parser.hh"

#include <hs/hs.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

namespace tandem::match {
namespace {

using Sentence = std::expected<void, std::string>;

std::unexpected<std::string> wrong(std::string_view text, const std::string& what) {
    return std::unexpected("the expression " + contract::quoted_part(text) + " " + what);
}

struct Repeat {
    std::size_t most{1};
    std::size_t end{0}; ///< of the closing brace
};

/// `{3}`, `{3,}`, `{,5}`, `{3,5}` at `open`; anything else are braces of the text.
std::optional<Repeat> repeat_at(std::string_view text, std::size_t open) {
    const auto close = text.find('}', open);
    if (close == std::string_view::npos)
        return std::nullopt;
    const std::string_view inside = text.substr(open + 1, close - open - 1);
    const auto other = [](char c) { return c != ',' && (c < '0' || c > '9'); };
    if (inside.empty() || std::ranges::any_of(inside, other))
        return std::nullopt;
    Repeat repeat{1, close};
    for (std::size_t at = 0; at < inside.size();) {
        std::size_t number = 0;
        const auto [end, error] = std::from_chars(inside.data() + at, inside.data() + inside.size(), number);
        if (error == std::errc::result_out_of_range)
            number = Expression::repeats_max + 1;
        repeat.most = std::max(repeat.most, std::min(number, Expression::repeats_max + 1));
        at = static_cast<std::size_t>(end - inside.data()) + 1;
    }
    return repeat;
}

/// Counted repetitions are written out when an expression is compiled; nested ones multiply.
Sentence check_repeats(std::string_view text) {
    constexpr std::size_t depth_max = 32;
    std::vector<std::size_t> weights{0}; // of what stands in each open group so far
    std::size_t last = 1;                // of the element before this place
    bool in_set = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\') {
            ++i;
            weights.back() += last = 1;
        } else if (in_set) {
            in_set = c != ']';
        } else if (c == '[') {
            in_set = true;
            i += i + 1 < text.size() && text[i + 1] == '^' ? 1U : 0U;
            i += i + 1 < text.size() && text[i + 1] == ']' ? 1U : 0U;
            weights.back() += last = 1;
        } else if (c == '(') {
            if (weights.size() == depth_max)
                return wrong(text,
                             "has more than " + std::to_string(depth_max) + " groups within each other");
            weights.push_back(0);
        } else if (c == ')' && weights.size() > 1) {
            last = std::max<std::size_t>(weights.back(), 1);
            weights.pop_back();
            weights.back() += last;
        } else if (const auto repeat = c == '{' ? repeat_at(text, i) : std::nullopt) {
            weights.back() += last * (repeat->most - 1);
            last *= repeat->most;
            i = repeat->end;
        } else if (c != '|' && c != '*' && c != '+' && c != '?') {
            weights.back() += last = 1;
        }
        if (weights.back() > Expression::repeats_max || last > Expression::repeats_max)
            return wrong(text, "repeats too much: written out it has more than " +
                                   std::to_string(Expression::repeats_max) + " elements");
    }
    return {};
}

/// The library's sentence as the end of another one.
std::string lower_first(std::string_view text) {
    while (text.ends_with('.'))
        text.remove_suffix(1);
    std::string out{text};
    if (!out.empty() && out.front() >= 'A' && out.front() <= 'Z')
        out.front() = static_cast<char>(out.front() - 'A' + 'a');
    return out;
}

} // namespace

void Expression::Free::operator()(hs_database* database) const {
    hs_free_database(database);
}

std::expected<Expression, std::string> Expression::compile(std::string_view text, contract::Letters letters) {
    if (text.empty() || text.size() > contract::RequestPattern::text_max ||
        text.find('\0') != std::string_view::npos)
        return wrong(text, "must have 1 to " + std::to_string(contract::RequestPattern::text_max) +
                               " characters, none of them zero");
    if (const auto checked = check_repeats(text); !checked)
        return std::unexpected(checked.error());
    unsigned flags = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;
    if (letters == contract::Letters::either_case)
        flags |= HS_FLAG_CASELESS;
    hs_database_t* database = nullptr;
    hs_compile_error_t* error = nullptr;
    if (hs_compile(std::string{text}.c_str(), flags, HS_MODE_BLOCK, nullptr, &database, &error) !=
        HS_SUCCESS) {
        const std::string why =
            error != nullptr && error->message != nullptr ? error->message : "no reason given";
        hs_free_compile_error(error);
        return wrong(text, "cannot be used: " + lower_first(why));
    }
    Expression expression{database};
    std::size_t octets = 0;
    if (hs_database_size(database, &octets) != HS_SUCCESS || octets > octets_max)
        return wrong(text, "is too large when compiled: " + std::to_string(octets) + " octets of " +
                               std::to_string(octets_max));
    return expression;
}

std::expected<void, std::string> check_expressions(const contract::RequestPattern& pattern) {
    for (const auto& clause : pattern.clauses())
        if (clause.test == contract::ClauseTest::expression)
            if (const auto compiled = Expression::compile(pattern.value(clause), clause.letters); !compiled)
                return std::unexpected(compiled.error());
    return {};
}

} // namespace tandem::match
