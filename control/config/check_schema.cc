// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/check_schema.hh"

#include "control/config/action_schema.hh"
#include "control/config/sip_check_schema.hh"
#include "control/config/values.hh"

#include <algorithm>
#include <array>

namespace tandem::config {
namespace {

void read_network(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    check.target = NetworkTarget{take_target_address(section, check)};
    take_profile(section, check);
}

/// What a file may say of where a target is asked from.
enum class From : std::uint8_t { here, interface, interface_and_source };

struct Method {
    std::string_view name;
    From from;
    ReadMethod read;
};

/// Those that a file may name; the first is the default.
constexpr std::array methods{
    Method{"network", From::interface_and_source, read_network},
    Method{"sip", From::interface_and_source, read_sip},
    Method{"registration", From::interface_and_source, read_registration},
};

/// Nothing: the file names one that there is not, which has been complained of.
const Method* take_method(Section& section) {
    std::vector<std::string_view> names;
    for (const Method& method : methods)
        names.push_back(method.name);
    const bool named = section.place_of("method").has_value();
    const auto method = section.word("method", names, Presence::optional);
    if (named && !method)
        return nullptr;
    return &methods[method ? method->value : 0];
}

} // namespace

wire::IpAddress take_target_address(Section& section, const CheckSettings& check) {
    const auto address = section.text("address", Presence::required);
    return address ? read_address_beside(section, *address, check.interface) : wire::IpAddress{};
}

void take_profile(Section& section, CheckSettings& check) {
    // A profile is what the other keys are where they are not written.
    if (const auto profile = section.word("profile", {"compatible", "fast"}, Presence::optional);
        profile && profile->value == 1) {
        check.interval = std::chrono::milliseconds{10};
        check.timeout = std::chrono::milliseconds{30};
    }
}

void take_octets(Section& section, std::string_view key, std::size_t length_max, std::string& out) {
    const auto found = section.text(key, Presence::optional);
    if (!found)
        return;
    if (found->value.size() <= length_max)
        out = found->value;
    else
        section.complain(found->place, "\"" + std::string{key} + "\" is too long",
                         "at most " + std::to_string(length_max) + " octets");
}

void read_check(Section section, Group& group, Places::GroupPlaces& places, Draft& draft,
                Complaints& complaints) {
    CheckSettings check;
    Places::CheckPlaces where{section.place(), section.place(), section.place()};
    take_name(section, "name", Presence::required, check.name, &where.name);
    const Method* const method = take_method(section);
    if (method == nullptr) // which keys belong to it, nobody knows
        return;
    Place interface;
    if (method->from != From::here)
        take_interface(section, "interface", Presence::optional, check.interface, interface);
    method->read(section, check, where);
    if (method->from == From::interface_and_source)
        if (const auto source = section.text("source", Presence::optional)) {
            check.source = read_address_beside(section, *source, check.interface);
            where.source = source->place;
        }
    if (const auto start = section.boolean("auto_start", Presence::optional))
        check.auto_start = start->value ? AutoStart::yes : AutoStart::no;
    take_time(section, "interval_ms", {5, 3'600'000}, check.interval, &where.timeout);
    take_time(section, "timeout_ms", {5, 3'600'000}, check.timeout, &where.timeout);
    take_integer(section, "retry", {0, 50}, check.retry);
    take_integer(section, "recover", {1, 100}, check.recover);
    take_actions(section, group.name, check.name, draft, complaints);
    section.finish();
    group.checks.push_back(std::move(check));
    places.checks.push_back(where);
}

} // namespace tandem::config
