// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/action_types.hh"

#include "control/act/template.hh"
#include "control/config/values.hh"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tandem::config {
namespace {

constexpr std::size_t words_max = 64;
constexpr std::size_t text_max = 64UL * 1024;

/// A text that a program, a file name or a header can hold.
bool is_plain(Section& section, const Placed<std::string>& text, std::string_view key) {
    if (text.value.find('\0') == std::string::npos && text.value.size() <= text_max)
        return true;
    section.complain(text.place, "\"" + std::string{key} + "\" is too long, or has a zero character",
                     "at most 65536 characters");
    return false;
}

void check_variables(Section& section, const Placed<std::string>& text, std::string_view key) {
    if (const auto good = act::check_template(text.value); !good)
        section.complain(text.place,
                         "\"" + std::string{key} + "\": " + good.error().what + ": " +
                             quoted(std::string_view{text.value}.substr(good.error().offset, 40)),
                         good.error().hint);
}

void take_template(Section& section, std::string_view key, Presence presence, std::string& out) {
    const auto found = section.text(key, presence);
    if (!found || !is_plain(section, *found, key))
        return;
    check_variables(section, *found, key);
    out = found->value;
}

void take_plain(Section& section, std::string_view key, Presence presence, std::string& out) {
    if (const auto found = section.text(key, presence); found && is_plain(section, *found, key))
        out = found->value;
}

void take_templates(Section& section, std::string_view key, Presence presence,
                    std::vector<std::string>& out) {
    const auto found = section.texts(key, words_max, presence);
    if (!found)
        return;
    for (const auto& text : *found) {
        if (!is_plain(section, text, key))
            continue;
        check_variables(section, text, key);
        out.push_back(text.value);
    }
}

Doing read_email(Section& section) {
    EmailAction out;
    if (const auto to = section.texts("to", words_max, Presence::optional))
        for (const auto& text : *to)
            out.to.push_back(text.value);
    take_plain(section, "from", Presence::optional, out.from);
    out.subject = "tandem ${group} on ${node}: ${trigger}";
    take_template(section, "subject", Presence::optional, out.subject);
    out.body = "${time}\n\nGroup ${group} on ${node}: ${reason}\nRole: ${role}, before: ${role_before}\n"
               "Epoch: ${epoch}\n${text}\n";
    take_template(section, "body", Presence::optional, out.body);
    return out;
}

/// `address`, with its length behind it, or with `prefix` or `mask` beside it.
Doing read_address_action(Section& section, AddressAction::Verb verb) {
    AddressAction out;
    out.verb = verb;
    Place place;
    take_interface(section, "interface", Presence::required, out.interface, place);
    const auto address = section.text("address", Presence::required);
    const auto prefix = section.integer("prefix", {1, 128}, Presence::optional);
    const auto mask = section.text("mask", Presence::optional);
    if (!address)
        return out;
    if (const auto found = read_prefix(section, *address))
        out.address = *found;
    else
        return out;
    const bool written = address->value.find('/') != std::string::npos;
    if (int{written} + int{prefix.has_value()} + int{mask.has_value()} > 1) {
        section.complain(address->place, "the length of the network is given more than once",
                         "write it as \"address/length\", or as \"prefix\", or as \"mask\"");
    } else if (prefix) {
        if (prefix->value > static_cast<std::int64_t>(out.address.address.bits()))
            section.complain(prefix->place, "\"prefix\" is longer than an address of this family",
                             "at most " + std::to_string(out.address.address.bits()));
        else
            out.address.length = static_cast<std::uint8_t>(prefix->value);
    } else if (mask) {
        const auto parsed = wire::IpAddress::parse(mask->value);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; parsed && parsed->is_v4() && i < 4; ++i)
            bits = bits << 8U | parsed->octets[i];
        const bool whole = bits != 0 && (~bits & (~bits + 1U)) == 0;
        if (!whole || !out.address.address.is_v4())
            section.complain(mask->place, quoted(mask->value) + " is not a mask of an IPv4 network",
                             "for example \"255.255.255.0\"; for IPv6 use \"prefix\"");
        else
            out.address.length = static_cast<std::uint8_t>(__builtin_popcount(bits));
    }
    return out;
}

Doing read_command(Section& section) {
    CommandAction out;
    take_templates(section, "argv", Presence::required, out.argv);
    const Place place = section.place_of("argv").value_or(section.place());
    if (!out.argv.empty() &&
        (!out.argv.front().starts_with('/') || out.argv.front().find('$') != std::string::npos))
        section.complain(
            place, "\"argv\" begins with " + quoted(out.argv.front()),
            "the program must be given by its absolute path, without variables; there is no shell");
    take_name(section, "user", Presence::optional, out.user);
    return out;
}

Doing read_script(Section& section) {
    ScriptAction out;
    const auto text = section.text("script", Presence::optional);
    take_file_name(section, "file", file_name_length_max, out.file);
    const auto file = section.place_of("file");
    if (text.has_value() == file.has_value() && (text || !section.place_of("script")))
        section.complain(file.value_or(section.place()), "a script is given by its text or by its file",
                         "write one of script = \"\"\"...\"\"\" and file = \"/...\"");
    if (text && is_plain(section, *text, "script"))
        out.text = text->value;
    if (text && text->value.empty())
        section.complain(text->place, "\"script\" is empty", "write what is to be run");
    take_templates(section, "arguments", Presence::optional, out.arguments);
    take_name(section, "user", Presence::optional, out.user);
    return out;
}

void check_strings(Section& section, const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value.data))
        check_variables(section, {*text, value.place}, "parameters");
    else if (const auto* array = std::get_if<Value::Array>(&value.data))
        for (const Value& each : *array)
            check_strings(section, each);
    else if (const auto* table = std::get_if<Table>(&value.data))
        for (const Entry& entry : *table)
            check_strings(section, entry.value);
}

Doing read_management(Section& section) {
    ManagementAction out;
    const auto command = section.text("command", Presence::required);
    if (command) {
        // As tandemctl has it, "checks stop", or as its method, "checks.stop".
        out.command = command->value;
        std::ranges::replace(out.command, ' ', '.');
        const bool good =
            !out.command.empty() && out.command.size() <= 64 && std::ranges::all_of(out.command, [](char c) {
                return (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
            });
        if (!good)
            section.complain(command->place, quoted(command->value) + " cannot be a command",
                             "a command of tandemctl, for example \"failover\" or \"checks stop\"");
    }
    take_name(section, "target", Presence::optional, out.target);
    out.parameters = "{}";
    if (const auto parameters = section.table("parameters", Presence::optional)) {
        for (const Entry& entry : *parameters->value)
            check_strings(section, entry.value);
        out.parameters = json_of(*parameters->value);
    }
    take_template(section, "text", Presence::optional, out.text);
    return out;
}

Doing read_webhook(Section& section) {
    WebhookAction out;
    if (const auto url = section.text("url", Presence::required)) {
        const bool good = (url->value.starts_with("https://") || url->value.starts_with("http://")) &&
                          std::ranges::all_of(url->value, [](char c) { return c > ' ' && c <= '~'; });
        if (good)
            out.url = url->value;
        else
            section.complain(url->place, quoted(url->value) + " is not a web address",
                             "for example \"https://hooks.example.org/tandem\"");
    }
    if (const auto headers = section.texts("headers", words_max, Presence::optional))
        for (const auto& header : *headers) {
            const bool good = header.value.find(':') != std::string::npos && !header.value.starts_with(':') &&
                              std::ranges::all_of(header.value, [](char c) { return c >= ' ' && c <= '~'; });
            if (good)
                out.headers.push_back(header.value);
            else
                section.complain(header.place, quoted(header.value) + " is not a header",
                                 "write it as \"Name: value\"");
        }
    take_template(section, "body", Presence::optional, out.body);
    take_file_name(section, "token_file", file_name_length_max, out.token_file);
    take_file_name(section, "ca_file", file_name_length_max, out.ca_file);
    return out;
}

Doing read_trap(Section& section) {
    TrapAction out;
    if (const auto receivers = section.texts("receivers", words_max, Presence::optional))
        for (const auto& name : *receivers) {
            if (std::ranges::find(out.receivers, name.value) != out.receivers.end())
                section.complain(name.place, quoted(name.value) + " is there twice", "leave one out");
            out.receivers.push_back(name.value);
        }
    return out;
}

Doing read_mirror_action(Section& section) {
    MirrorAction out;
    if (const auto set = section.word("set", {"off", "on"}, Presence::required))
        out.set = set->value == 1 ? MirrorAction::Set::on : MirrorAction::Set::off;
    return out;
}

Doing read_wait(Section& section) {
    WaitAction out;
    std::int64_t time = 0;
    take_integer(section, "wait_ms", {1, 3'600'000}, time, nullptr, Presence::required);
    out.time = std::chrono::milliseconds{time};
    return out;
}

Doing read_drain(Section& section) {
    DrainAction out;
    take_integer(section, "calls_max", {0, 1'000'000}, out.calls_max);
    return out;
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            out += code;
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string json_of(const Value& value) {
    if (const auto* truth = std::get_if<bool>(&value.data))
        return *truth ? "true" : "false";
    if (const auto* whole = std::get_if<std::int64_t>(&value.data))
        return std::to_string(*whole);
    if (const auto* number = std::get_if<double>(&value.data))
        return std::isfinite(*number) ? std::to_string(*number) : "null";
    if (const auto* text = std::get_if<std::string>(&value.data))
        return json_text(*text);
    if (const auto* table = std::get_if<Table>(&value.data))
        return json_of(*table);
    if (const auto* array = std::get_if<Value::Array>(&value.data)) {
        std::string out = "[";
        for (const Value& each : *array)
            out += (out.size() > 1 ? "," : "") + json_of(each);
        return out + "]";
    }
    return "null";
}

} // namespace

std::string json_of(const Table& table) {
    std::string out = "{";
    for (const Entry& entry : table)
        out += (out.size() > 1 ? "," : "") + json_text(entry.key) + ":" + json_of(entry.value);
    return out + "}";
}

std::optional<Doing> read_doing(Section& section, std::string& type) {
    static const std::vector<std::string_view> types{
        "command", "script",  "wait",   "add-ip", "delete-ip", "become-primary", "management", "announce",
        "email",   "webhook", "mirror", "drain",  "trap"};
    const auto found = section.word("type", types, Presence::required);
    if (!found)
        return std::nullopt;
    type = types[found->value];
    switch (found->value) {
    case 0:
        return read_command(section);
    case 1:
        return read_script(section);
    case 2:
        return read_wait(section);
    case 3:
        return read_address_action(section, AddressAction::Verb::add);
    case 4:
        return read_address_action(section, AddressAction::Verb::remove);
    case 5:
        return BecomePrimaryAction{};
    case 6:
        return read_management(section);
    case 7:
        return AnnounceAction{};
    case 8:
        return read_email(section);
    case 9:
        return read_webhook(section);
    case 10:
        return read_mirror_action(section);
    case 12:
        return read_trap(section);
    default:
        return read_drain(section);
    }
}

std::chrono::milliseconds usual_timeout(const Doing& doing) {
    if (const auto* wait = std::get_if<WaitAction>(&doing))
        return wait->time + std::chrono::seconds{1};
    if (std::holds_alternative<DrainAction>(doing))
        return std::chrono::minutes{10};
    if (std::holds_alternative<ManagementAction>(doing) || std::holds_alternative<BecomePrimaryAction>(doing))
        return std::chrono::seconds{35}; // the role engine answers within 30
    return std::chrono::seconds{10};
}

} // namespace tandem::config
