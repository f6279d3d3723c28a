// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/group_schema.hh"

#include "control/config/action_schema.hh"
#include "control/config/check_schema.hh"
#include "control/config/values.hh"
#include "dataplane/match/expression.hh"

#include <cmath>

namespace tandem::config {
namespace {

constexpr std::size_t endpoints_max = 32;
constexpr std::size_t witnesses_max = 8;
constexpr std::size_t checks_max = 10'000;
constexpr std::size_t days_in_week = 7;
constexpr Range weight_range{1, 1000};

void read_mirror(Section section, Group& group) {
    if (const auto enabled = section.boolean("enabled", Presence::optional))
        group.mirroring = enabled->value ? Mirroring::on : Mirroring::off;
    if (const auto text = section.text("request_pattern", Presence::optional)) {
        const auto pattern = contract::RequestPattern::parse(text->value);
        if (!pattern)
            section.complain(text->place, "\"request_pattern\": " + pattern.error(),
                             "for example \"INVITE|CANCEL|BYE\", \"!REGISTER\", or \"\" for all");
        else if (const auto checked = match::check_expressions(*pattern); !checked)
            section.complain(text->place, "\"request_pattern\": " + checked.error(),
                             "expressions have no back references and no look-around; shorten this one");
        else
            group.request_pattern = *pattern;
    }
    section.finish();
}

/// A switch that may be absent.
void take_switch(Section& section, std::string_view key, Monitor& out,
                 std::optional<Place>* place = nullptr) {
    if (const auto found = section.boolean(key, Presence::optional)) {
        out = found->value ? Monitor::on : Monitor::off;
        if (place != nullptr)
            *place = found->place;
    }
}

void read_endpoint(Section section, Watch& watch, Places::WatchPlaces& places) {
    WatchedEndpoint endpoint;
    Place name;
    Place address;
    take_name(section, "name", Presence::required, endpoint.name, &name);
    endpoint.address = take_address(section, "address", address);
    take_integer(section, "port", port_range, endpoint.port);
    take_time(section, "oos_check", {1, 86400}, endpoint.oos_check);
    take_time(section, "oos_force", {0, 86400}, endpoint.oos_force);
    section.finish();
    watch.endpoints.push_back(std::move(endpoint));
    places.endpoints.push_back(name.line != 0 ? name : section.place());
}

void read_witnesses(Section& section, Watch& watch, Places::WatchPlaces& places) {
    const auto found = section.texts("witnesses", witnesses_max, Presence::optional);
    if (!found)
        return;
    for (const auto& text : *found) {
        const wire::IpAddress address = read_address(section, text);
        if (address.size() == 0)
            continue;
        watch.witnesses.push_back(address);
        places.witnesses.push_back(text.place);
    }
}

void read_watch(Section section, Watch& watch, Places::WatchPlaces& places,
                std::vector<Places::BackendKey>& nfqueue_keys, Complaints& complaints) {
    places.section = section.place();
    places.server_timeout = section.place();
    note_keys(section, {"listener", "process"}, "behind an appliance the SIP server runs on another machine",
              nfqueue_keys);
    take_switch(section, "vip", watch.vip);
    take_switch(section, "nic", watch.nic);
    take_switch(section, "traffic", watch.traffic, &places.traffic);
    take_switch(section, "listener", watch.listener);
    take_switch(section, "server", watch.server);
    take_file_name(section, "process", file_name_length_max, watch.process_match);
    watch.process = watch.process_match.empty() ? Monitor::off : Monitor::on;
    Place place;
    take_time(section, "rx_silence_s", {0, 86400}, watch.rx_silence, &place);
    if (place.line != 0 && watch.rx_silence.count() > 0)
        places.rx_silence = place;
    place = {};
    take_interface(section, "management_interface", Presence::optional, watch.management_interface, place);
    if (place.line != 0)
        places.management = place;
    take_time(section, "server_interval_ms", {100, 60000}, watch.server_interval, &places.server_timeout);
    take_time(section, "server_timeout_ms", {10, 60000}, watch.server_timeout, &places.server_timeout);
    take_time(section, "rise_ms", {0, 600000}, watch.rise);
    take_time(section, "alternate_s", {1, 3600}, watch.alternate);
    read_witnesses(section, watch, places);
    take_time(section, "witness_interval_ms", {20, 60000}, watch.witness_interval);
    take_integer(section, "witness_fail", {1, 100}, watch.witness_fail);
    take_integer(section, "nic_weight", weight_range, watch.nic_weight);
    take_integer(section, "vip_weight", weight_range, watch.vip_weight);
    take_integer(section, "listener_weight", weight_range, watch.listener_weight);
    take_integer(section, "process_weight", weight_range, watch.process_weight);
    take_integer(section, "server_weight", weight_range, watch.server_weight);
    take_integer(section, "traffic_weight", weight_range, watch.traffic_weight);
    for (const auto& endpoint : section.tables("endpoint", endpoints_max, Presence::optional))
        read_endpoint({"[[group.watch.endpoint]]", endpoint.place, *endpoint.value, complaints}, watch,
                      places);
    section.finish();
}

/// Minutes after midnight of "hh:mm"; `most` is 24:00 for the end of a window, which is not part of it.
std::optional<std::uint16_t> minute_of_day(std::string_view text, unsigned most) {
    const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
    if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4))
        return std::nullopt;
    const auto number = [&](std::size_t at) {
        return static_cast<unsigned>(text[at] - '0') * 10 + static_cast<unsigned>(text[at + 1] - '0');
    };
    const unsigned minutes = number(0) * 60 + number(3);
    if (number(3) > 59 || minutes > most)
        return std::nullopt;
    return static_cast<std::uint16_t>(minutes);
}

void take_minute(Section& section, std::string_view key, unsigned most, std::uint16_t& out,
                 std::optional<Place>& place) {
    const auto found = section.text(key, Presence::optional);
    if (!found)
        return;
    place = found->place;
    if (const auto minute = minute_of_day(found->value, most))
        out = *minute;
    else
        section.complain(found->place, "\"" + std::string{key} + "\" cannot be " + quoted(found->value),
                         "it must be a time of day, hours and minutes: \"02:00\"");
}

void take_days(Section& section, std::uint8_t& out, std::optional<Place>& place) {
    static const std::vector<std::string> names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const auto found = section.texts("days", days_in_week, Presence::optional);
    if (!found)
        return;
    out = 0;
    for (const auto& text : *found) {
        place = text.place;
        std::size_t day = 0;
        while (day < names.size() && names[day] != text.value)
            ++day;
        if (day == names.size()) {
            const std::string meant = nearest(text.value, names);
            section.complain(text.place, "\"days\" cannot have " + quoted(text.value),
                             (meant.empty() ? "" : "did you mean \"" + meant + "\"? ") +
                                 std::string{"possible: mon, tue, wed, thu, fri, sat, sun"});
            continue;
        }
        if ((out >> day & 1U) != 0)
            section.complain(text.place, "\"days\" has " + quoted(text.value) + " twice", "remove one");
        out = static_cast<std::uint8_t>(out | 1U << day);
    }
}

void read_failback(Section section, Failback& failback, Places::FailbackPlaces& places) {
    places.section = section.place();
    if (const auto policy = section.word("policy", {"manual", "auto", "window"}, Presence::optional))
        failback.policy = static_cast<FailbackPolicy>(policy->value);
    take_time(section, "hold_s", {1, 86400}, failback.hold);
    constexpr unsigned midnight = 24 * 60;
    take_minute(section, "from", midnight - 1, failback.from_minute, places.from);
    take_minute(section, "to", midnight, failback.to_minute, places.to);
    take_days(section, failback.days, places.days);
    if (const auto calls = section.integer("calls_max", {0, 1000000}, Presence::optional)) {
        failback.calls_max = static_cast<std::uint32_t>(calls->value);
        places.calls_max = calls->place;
    }
    section.finish();
}

void read_addresses(Section& section, Group& group, Places::GroupPlaces& places) {
    if (const auto vips = section.texts("vips", contract::vips_max, Presence::required)) {
        for (const auto& text : *vips) {
            if (const auto vip = read_vip(section, text)) {
                group.vips.push_back(*vip);
                places.vips.push_back(text.place);
            }
        }
    }
    const auto ports = section.integers("sip_ports", port_range, contract::sip_ports_max, Presence::optional);
    if (!ports)
        return;
    group.sip_ports.clear();
    for (const auto& port : *ports) {
        group.sip_ports.push_back(static_cast<std::uint16_t>(port.value));
        places.sip_ports.push_back(port.place);
    }
}

/// What a group of an appliance has besides.
void read_inside(Section& section, Group& group, Places::GroupPlaces& places) {
    places.servers = section.place_of("servers").value_or(section.place());
    places.forwarding = section.place_of("forwarding");
    if (const auto forwarding = section.word("forwarding", {"transparent", "nat"}, Presence::optional))
        group.forwarding =
            forwarding->value == 1 ? contract::Forwarding::nat : contract::Forwarding::transparent;
    if (const auto servers = section.texts("servers", contract::vips_max, Presence::optional)) {
        for (const auto& text : *servers) {
            if (const wire::IpAddress server = read_address(section, text); server.size() > 0) {
                group.servers.push_back(server);
                places.server_list.push_back(text.place);
            }
        }
        if (group.servers.size() != servers->size()) { // one was complained of: say nothing of the rest
            group.servers.clear();
            places.server_list.clear();
        }
    }
    if (const auto vips = section.texts("inside_vips", contract::vips_max, Presence::optional)) {
        for (const auto& text : *vips) {
            if (const auto vip = read_vip(section, text)) {
                group.inside_vips.push_back(*vip);
                places.inside_vips.push_back(text.place);
            }
        }
    }
}

} // namespace

void read_group(Section section, Draft& draft, Complaints& complaints) {
    Group group;
    Places::GroupPlaces places;
    places.section = section.place();
    places.watch.section = section.place();
    places.watch.server_timeout = section.place();
    places.failback.section = section.place();
    take_name(section, "name", Presence::required, group.name, &places.name);
    if (const auto role = section.word("role", {"secondary", "primary"}, Presence::optional))
        group.role = role->value == 1 ? ConfiguredRole::primary : ConfiguredRole::secondary;
    take_integer(section, "priority", {1, 254}, group.priority);
    take_interface(section, "interface", Presence::required, group.interface, places.interface);
    read_addresses(section, group, places);
    read_inside(section, group, places);
    note_keys(section, {"forwarding", "servers", "inside_vips"},
              "in host mode the SIP server runs on this host", draft.places.dpdk_keys);
    take_integer(section, "hysteresis", {0, 1000}, group.hysteresis);
    if (const auto damper = section.number("damper_s", {1, 3600}, Presence::optional))
        group.damper_base = std::chrono::milliseconds{std::llround(damper->value * 1000)};
    if (const auto mirror = section.table("mirror", Presence::optional))
        read_mirror({"[group.mirror]", mirror->place, *mirror->value, complaints}, group);
    if (const auto watch = section.table("watch", Presence::optional))
        read_watch({"[group.watch]", watch->place, *watch->value, complaints}, group.watch, places.watch,
                   draft.places.nfqueue_keys, complaints);
    for (const auto& check : section.tables("check", checks_max, Presence::optional))
        read_check({"[[group.check]]", check.place, *check.value, complaints}, group, places, draft,
                   complaints);
    take_actions(section, group.name, "", draft, complaints);
    if (const auto failback = section.table("failback", Presence::optional))
        read_failback({"[group.failback]", failback->place, *failback->value, complaints}, group.failback,
                      places.failback);
    section.finish();
    draft.config.groups.push_back(std::move(group));
    draft.places.groups.push_back(std::move(places));
}

} // namespace tandem::config
