// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One table of the file, read strictly.
//
// Problem: a misspelt key that is silently ignored is the commonest way to run with a configuration that
// nobody wrote. Idea: a section remembers each key that it was asked for. What is left over at the end is an
// error, and the nearest of the asked keys is the hint. Reading goes on after an error, so that one run shows
// them all. Deliberately absent: anything about particular keys.

#include "control/config/document.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

/// A value and where it stands.
template <class T>
struct Placed {
    T value;
    Place place;
};

enum class Presence : std::uint8_t { optional, required };

struct Range {
    std::int64_t least;
    std::int64_t most;
};

/// Collects the problems of one file.
class Complaints {
public:
    explicit Complaints(std::string file)
        : file_{std::move(file)} {}
    void add(Place place, std::string what, std::string hint) {
        if (!full())
            problems_.push_back({file_, place.line, place.column, std::move(what), std::move(hint)});
    }
    /// Nobody reads more than this many.
    bool full() const { return problems_.size() >= problems_max; }
    /// In the order of the file.
    Problems take();

private:
    static constexpr std::size_t problems_max = 100;
    std::string file_;
    Problems problems_;
};

class Section {
public:
    /// `name` is shown to people: `[node]`. `table` and `complaints` must outlive the section.
    Section(std::string name, Place place, const Table& table, Complaints& complaints)
        : name_{std::move(name)}
        , place_{place}
        , table_{table}
        , complaints_{complaints} {}

    std::optional<Placed<std::string>> text(std::string_view key, Presence presence);
    std::optional<Placed<std::int64_t>> integer(std::string_view key, Range range, Presence presence);
    /// An integer or a decimal number.
    std::optional<Placed<double>> number(std::string_view key, Range range, Presence presence);
    std::optional<Placed<bool>> boolean(std::string_view key, Presence presence);
    /// One of `words`; the position in it.
    std::optional<Placed<std::size_t>> word(std::string_view key, const std::vector<std::string_view>& words,
                                            Presence presence);
    /// Whether the key is there with an array; it does not count as asked for.
    bool is_array(std::string_view key) const;
    /// An array of strings, of integers.
    std::optional<std::vector<Placed<std::string>>> texts(std::string_view key, std::size_t count_max,
                                                          Presence presence);
    std::optional<std::vector<Placed<std::int64_t>>> integers(std::string_view key, Range range,
                                                              std::size_t count_max, Presence presence);
    /// `[name.key]`
    std::optional<Placed<const Table*>> table(std::string_view key, Presence presence);
    /// `[[key]]`
    std::vector<Placed<const Table*>> tables(std::string_view key, std::size_t count_max, Presence presence);

    /// Complains about every key that was not asked for.
    void finish();

    Place place() const { return place_; }
    /// Where the value of the key stands, if it is there; it does not count as asked for.
    std::optional<Place> place_of(std::string_view key) const;
    const std::string& name() const { return name_; }
    void complain(Place place, std::string what, std::string hint) {
        complaints_.add(place, std::move(what), std::move(hint));
    }

private:
    const Value* find(std::string_view key, Presence presence, std::string_view wanted);
    const Value::Array* array(std::string_view key, std::size_t count_max, Presence presence,
                              std::string_view wanted);
    void wrong_type(std::string_view key, const Value& value, std::string_view wanted);
    bool in_range(std::string_view key, const Value& value, double number, Range range);

    std::string name_;
    Place place_;
    const Table& table_;
    Complaints& complaints_;
    std::vector<std::string> asked_;
};

/// The candidate that `word` most likely meant; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

} // namespace tandem::config
