// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/reader.hh"

namespace tandem::status {
namespace {

namespace json = boost::json;

const json::value nothing;
const json::array no_elements;
const json::object no_members;

} // namespace

const json::value& look(const json::value& root, std::initializer_list<std::string_view> keys) {
    const json::value* at = &root;
    for (const auto key : keys) {
        const auto* object = at->if_object();
        at = object == nullptr ? nullptr : object->if_contains(key);
        if (at == nullptr)
            return nothing;
    }
    return *at;
}

std::string printable(std::string_view text) {
    constexpr std::size_t shown_max = 512;
    std::string result;
    for (std::size_t i = 0; i < text.size() && i < shown_max; ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        // C1 controls are two octets in UTF-8: C2 80 to C2 9F.
        const bool c1 =
            octet == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (c1)
            ++i;
        result += octet < ' ' || octet == 0x7f || c1 ? '?' : text[i];
    }
    return result;
}

std::string text_of(const json::value& value) {
    const auto* string = value.if_string();
    return string == nullptr ? std::string{} : printable({string->data(), string->size()});
}

std::optional<std::uint64_t> count_of(const json::value& value) {
    if (const auto* number = value.if_uint64())
        return *number;
    if (const auto* number = value.if_int64(); number != nullptr && *number >= 0)
        return static_cast<std::uint64_t>(*number);
    return std::nullopt;
}

std::optional<double> number_of(const json::value& value) {
    if (const auto* number = value.if_double())
        return *number;
    if (const auto count = count_of(value))
        return static_cast<double>(*count);
    return std::nullopt;
}

bool is_true(const json::value& value) {
    const auto* boolean = value.if_bool();
    return boolean != nullptr && *boolean;
}

bool is_false(const json::value& value) {
    const auto* boolean = value.if_bool();
    return boolean != nullptr && !*boolean;
}

const json::array& array_of(const json::value& value) {
    const auto* array = value.if_array();
    return array == nullptr ? no_elements : *array;
}

const json::object& object_of(const json::value& value) {
    const auto* object = value.if_object();
    return object == nullptr ? no_members : *object;
}

const json::value& named(const json::value& array, std::string_view name) {
    for (const auto& element : array_of(array)) {
        const auto* string = look(element, {"name"}).if_string();
        if (string != nullptr && std::string_view{string->data(), string->size()} == name)
            return element;
    }
    return nothing;
}

} // namespace tandem::status
