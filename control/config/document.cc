// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/document.hh"

#include <toml++/toml.h>

#include <exception>

namespace tandem::config {
namespace {

Place place_of(const toml::source_region& region) {
    return {region.begin.line, region.begin.column};
}

Value convert(const toml::node& node);

Table convert_table(const toml::table& table) {
    Table result;
    result.reserve(table.size());
    for (const auto& [key, node] : table)
        result.push_back({std::string{key.str()}, place_of(key.source()), convert(node)});
    return result;
}

/// The recursion is as deep as the file's nesting, which the library bounds.
Value convert(const toml::node& node) {
    Value value;
    value.place = place_of(node.source());
    if (const auto* boolean = node.as_boolean()) {
        value.data = boolean->get();
    } else if (const auto* integer = node.as_integer()) {
        value.data = integer->get();
    } else if (const auto* number = node.as_floating_point()) {
        value.data = number->get();
    } else if (const auto* text = node.as_string()) {
        value.data = text->get();
    } else if (const auto* array = node.as_array()) {
        Value::Array elements;
        elements.reserve(array->size());
        for (const auto& element : *array)
            elements.push_back(convert(element));
        value.data = std::move(elements);
    } else if (const auto* table = node.as_table()) {
        value.data = convert_table(*table);
    }
    return value;
}

} // namespace

std::string_view Value::kind() const {
    struct Name {
        std::string_view operator()(const Moment&) const { return "a date or time"; }
        std::string_view operator()(bool) const { return "a boolean"; }
        std::string_view operator()(std::int64_t) const { return "an integer"; }
        std::string_view operator()(double) const { return "a decimal number"; }
        std::string_view operator()(const std::string&) const { return "a string"; }
        std::string_view operator()(const Array&) const { return "an array"; }
        std::string_view operator()(const Table&) const { return "a table"; }
    };
    return std::visit(Name{}, data);
}

std::expected<Table, Problem> read_document(std::string_view text, const std::string& file) {
    if (text.size() > text_size_max)
        return std::unexpected(Problem{file, 0, 0, "the file is too large for a configuration",
                                       "at most " + std::to_string(text_size_max / 1024) + " KiB are read"});
    try {
        const toml::table table = toml::parse(text, std::string_view{file});
        return convert_table(table);
    } catch (const toml::parse_error& error) {
        const Place place = place_of(error.source());
        // The library quotes the file in its sentence: what is not printable there must not reach a terminal.
        const std::string sentence = quoted(error.description());
        return std::unexpected(Problem{file, place.line, place.column,
                                       "not well-formed TOML: " + sentence.substr(1, sentence.size() - 2),
                                       "see docs/configuration.md for the form of the file"});
    } catch (const std::exception& error) {
        return std::unexpected(Problem{file, 0, 0, std::string{"cannot be parsed: "} + error.what(),
                                       "see docs/configuration.md for the form of the file"});
    }
}

std::string quoted(std::string_view text) {
    constexpr std::size_t shown_max = 200;
    std::string result{"\""};
    for (const char c : text.substr(0, shown_max))
        result += (c >= ' ' && c <= '~') ? c : '?';
    return result + (text.size() > shown_max ? "...\"" : "\"");
}

} // namespace tandem::config
