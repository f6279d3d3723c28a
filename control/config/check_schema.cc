// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/check_schema.hh"

#include "control/config/action_schema.hh"
#include "control/config/sip_check_schema.hh"
#include "control/config/values.hh"

#include <algorithm>
#include <array>

namespace tandem::config {
namespace {

constexpr std::size_t send_length_max = 1024;
constexpr std::size_t expect_length_max = 256;
constexpr std::size_t script_length_max = 16'384;
constexpr std::size_t command_words_max = 64;

void read_network(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    check.target = NetworkTarget{take_target_address(section, check)};
    take_profile(section, check);
}

void need_interface(Section& section, const CheckSettings& check) {
    if (check.interface.empty() && !section.place_of("interface"))
        section.complain(section.place(), section.name() + " has no \"interface\"",
                         "say on which network it is asked: add interface = \"...\"");
}

void read_neighbour(Section& section, CheckSettings& check, wire::Family family) {
    need_interface(section, check);
    const auto place = section.place_of("address");
    NeighbourTarget target{take_target_address(section, check)};
    if (target.address.size() != 0 && target.address.family != family)
        section.complain(place.value_or(section.place()),
                         quoted(target.address.to_string()) + " is not " +
                             (family == wire::Family::ipv4 ? "an IPv4" : "an IPv6") + " address",
                         "method \"arp\" asks for IPv4 addresses, method \"nd\" for IPv6 addresses");
    check.target = target;
    take_profile(section, check);
}

void read_arp(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    read_neighbour(section, check, wire::Family::ipv4);
}

void read_nd(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    read_neighbour(section, check, wire::Family::ipv6);
}

void read_tcp(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    TcpTarget target;
    target.address = take_target_address(section, check);
    take_integer(section, "port", port_range, target.port, nullptr, Presence::required);
    take_octets(section, "send", send_length_max, target.send);
    take_octets(section, "expect", expect_length_max, target.expect);
    check.target = std::move(target);
    take_profile(section, check);
}

void read_udp(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    UdpTarget target;
    target.address = take_target_address(section, check);
    take_integer(section, "port", port_range, target.port, nullptr, Presence::required);
    take_octets(section, "send", send_length_max, target.send);
    take_octets(section, "expect", expect_length_max, target.expect);
    check.target = std::move(target);
    take_profile(section, check);
}

/// A name as a certificate may hold it.
void take_host_name(Section& section, std::string_view key, std::string& out) {
    const auto found = section.text(key, Presence::optional);
    if (!found)
        return;
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '_';
    };
    if (!found->value.empty() && found->value.size() <= 253 && std::ranges::all_of(found->value, fits))
        out = found->value;
    else
        section.complain(found->place, "\"" + std::string{key} + "\" cannot be " + quoted(found->value),
                         "it must be a host name of at most 253 characters, for example \"sip.example.com\"");
}

void read_tls(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    TlsTarget target;
    target.address = take_target_address(section, check);
    take_integer(section, "port", port_range, target.port, nullptr, Presence::required);
    take_host_name(section, "server_name", target.server_name);
    take_file_name(section, "ca_file", file_name_length_max, target.ca_file);
    if (const auto verify = section.boolean("verify", Presence::optional))
        target.verify = verify->value ? Verify::yes : Verify::no;
    take_integer(section, "expiry_days", {0, 3650}, target.expiry_days);
    check.target = std::move(target);
    check.interval = std::chrono::seconds{10};
    check.timeout = std::chrono::seconds{10};
}

void read_process(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    ProcessTarget target;
    if (section.place_of("process"))
        take_file_name(section, "process", file_name_length_max, target.match);
    else
        static_cast<void>(section.text("process", Presence::required));
    check.target = std::move(target);
    take_profile(section, check);
}

void read_link(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    need_interface(section, check);
    check.target = LinkTarget{check.interface};
    take_profile(section, check);
}

void take_command(Section& section, std::vector<std::string>& out) {
    const auto words = section.texts("command", command_words_max, Presence::optional);
    if (!words)
        return;
    for (const auto& word : *words) {
        if (word.value.find('\0') != std::string::npos || word.value.size() > file_name_length_max) {
            section.complain(word.place, "a word of \"command\" cannot be passed to a program",
                             "at most " + std::to_string(file_name_length_max) +
                                 " octets, none of them zero");
            return;
        }
        out.push_back(word.value);
    }
    if (!out.empty() && !out.front().starts_with('/'))
        section.complain(words->front().place, "\"command\" does not begin with an absolute path",
                         "there is no shell that would look for it: write [\"/usr/bin/...\", ...]");
}

void take_user(Section& section, std::string& out) {
    const auto found = section.text("user", Presence::optional);
    if (!found)
        return;
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    };
    if (!found->value.empty() && found->value.size() <= 32 && found->value[0] != '-' &&
        std::ranges::all_of(found->value, fits))
        out = found->value;
    else
        section.complain(found->place, "\"user\" cannot be " + quoted(found->value),
                         "it must be the name of a user of this machine");
}

void read_script(Section& section, CheckSettings& check, Places::CheckPlaces&) {
    ScriptTarget target;
    const auto command = section.place_of("command");
    const auto script = section.place_of("script");
    take_command(section, target.command);
    take_octets(section, "script", script_length_max, target.script);
    take_user(section, target.user);
    if (command && script)
        section.complain(*script, "there is a \"script\" beside \"command\"", "remove one of them");
    else if (!command && (!script || target.script.empty()))
        section.complain(script.value_or(section.place()), section.name() + " has nothing to run",
                         "add command = [\"/usr/bin/...\", ...], or the text of a script: script = \"...\"");
    check.target = std::move(target);
    check.interval = std::chrono::seconds{10};
    check.timeout = std::chrono::seconds{10};
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
    Method{"arp", From::interface_and_source, read_arp},
    Method{"nd", From::interface_and_source, read_nd},
    Method{"tcp", From::interface_and_source, read_tcp},
    Method{"udp", From::interface_and_source, read_udp},
    Method{"tls", From::interface_and_source, read_tls},
    Method{"process", From::here, read_process},
    Method{"link", From::interface, read_link},
    Method{"script", From::here, read_script},
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
