// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/snmp_schema.hh"

#include "control/config/private_file.hh"
#include "control/config/values.hh"

#include <algorithm>
#include <charconv>

namespace tandem::config {
namespace {

constexpr std::size_t receivers_max = 16;
constexpr std::size_t word_max = 255;
/// RFC 3414 section 11.2: a password has at least so many characters.
constexpr std::size_t password_least = 8;
constexpr std::size_t user_max = 32; ///< RFC 3414 section 2.4

bool is_plain(std::string_view text, std::size_t least, std::size_t most) {
    return text.size() >= least && text.size() <= most && std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
           });
}

std::string bounds_text(std::size_t least) {
    return std::to_string(least) + " to " + std::to_string(word_max) + " printable characters";
}

std::optional<std::uint16_t> read_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0)
        return std::nullopt;
    return port;
}

void take_endpoint(Section& section, SnmpReceiver& receiver) {
    const auto found = section.text("address", Presence::required);
    if (!found)
        return;
    const std::string_view text = found->value;
    std::string_view host = text;
    std::string_view port;
    const std::size_t close = text.find("]:");
    if (text.starts_with('[') && close != std::string_view::npos) {
        host = text.substr(1, close - 1);
        port = text.substr(close + 2);
    } else if (text.starts_with('[') && text.ends_with(']')) {
        host = text.substr(1, text.size() - 2);
    } else if (std::ranges::count(text, ':') == 1) {
        host = text.substr(0, text.find(':'));
        port = text.substr(text.find(':') + 1);
    }
    const bool has_port =
        host.size() + 2 < text.size() || (host.size() < text.size() && !text.ends_with(']'));
    const auto number = read_port(port);
    if (!wire::IpAddress::parse(host) || (has_port && !number))
        return section.complain(
            found->place, "\"address\" is not an address with a port: " + quoted(found->value),
            "write \"10.0.0.9\", \"10.0.0.9:162\" or \"[2001:db8::9]:162\"; names are not looked up here");
    receiver.address = read_address(section, {std::string{host}, found->place});
    if (has_port)
        receiver.port = *number;
}

/// The key with the word, or the one with its file.
void take_secret(Section& section, const std::string& key, std::size_t least, bool needed, SnmpSecret& out) {
    const auto text = section.text(key, Presence::optional);
    take_file_name(section, key + "_file", file_name_length_max, out.file);
    const auto file = section.place_of(key + "_file");
    if (text && !is_plain(text->value, least, word_max))
        section.complain(text->place, "\"" + key + "\" is too short, too long or has a control character",
                         bounds_text(least));
    else if (text)
        out.text = text->value;
    if (text && file)
        section.complain(*file, "there are both \"" + key + "\" and \"" + key + "_file\"", "remove one");
    if (needed && !text && !file)
        section.complain(section.place(), section.name() + " has no \"" + key + "_file\"",
                         "add " + key + "_file: a file with mode 0600 whose first line it is, or " + key);
}

/// Keys that say nothing with these others. They are known all the same: the hint says where they belong.
void refuse(Section& section, std::initializer_list<std::string_view> keys, const std::string& why) {
    for (const std::string_view key : keys)
        if (const auto place = section.place_of(key)) {
            section.complain(*place, "\"" + std::string{key} + "\" says nothing here", why);
            (void)section.text(key, Presence::optional);
        }
}

void read_v2c(Section& section, SnmpReceiver& receiver) {
    take_secret(section, "community", 1, true, receiver.community);
    refuse(section,
           {"user", "security", "authentication", "authentication_password", "authentication_password_file",
            "privacy", "privacy_password", "privacy_password_file"},
           "it belongs to version = \"3\"");
}

void read_v3(Section& section, SnmpReceiver& receiver) {
    if (const auto user = section.text("user", Presence::required)) {
        if (is_plain(user->value, 1, user_max))
            receiver.user = user->value;
        else
            section.complain(user->place, "\"user\" is empty, too long or has a control character",
                             "1 to 32 printable characters");
    }
    if (const auto found = section.word("security", {"none", "auth", "auth-priv"}, Presence::optional))
        receiver.security = static_cast<SnmpSecurity>(found->value);
    if (const auto found = section.word(
            "authentication", {"sha", "sha-224", "sha-256", "sha-384", "sha-512", "md5"}, Presence::optional))
        receiver.authentication = static_cast<SnmpAuthentication>(found->value);
    if (const auto found = section.word("privacy", {"aes", "aes-192", "aes-256"}, Presence::optional))
        receiver.privacy = static_cast<SnmpPrivacy>(found->value);
    take_secret(section, "authentication_password", password_least, receiver.security != SnmpSecurity::none,
                receiver.authentication_password);
    take_secret(section, "privacy_password", password_least, receiver.security == SnmpSecurity::auth_priv,
                receiver.privacy_password);
    if (receiver.security == SnmpSecurity::none)
        refuse(section, {"authentication", "authentication_password", "authentication_password_file"},
               "security is \"none\"; use \"auth\" or \"auth-priv\"");
    if (receiver.security != SnmpSecurity::auth_priv)
        refuse(section, {"privacy", "privacy_password", "privacy_password_file"},
               "it belongs to security = \"auth-priv\"");
    refuse(section, {"community", "community_file"}, "it belongs to version = \"2c\"");
}

SnmpReceiver read_receiver(Section& section, Place& name) {
    SnmpReceiver receiver;
    take_name(section, "name", Presence::required, receiver.name, &name);
    take_endpoint(section, receiver);
    if (const auto found = section.word("version", {"2c", "3"}, Presence::optional))
        receiver.version = static_cast<SnmpVersion>(found->value);
    if (const auto found = section.boolean("inform", Presence::optional))
        receiver.inform = found->value ? SnmpInform::on : SnmpInform::off;
    if (receiver.version == SnmpVersion::v2c)
        read_v2c(section, receiver);
    else
        read_v3(section, receiver);
    return receiver;
}

std::expected<std::string, Problem> read_secret(const SnmpSecret& secret, std::size_t least) {
    if (secret.file.empty())
        return secret.text;
    auto content =
        read_private_file(secret.file, 2 * word_max, "write it into the file: one line, mode 0600");
    if (!content)
        return content;
    std::string text = content->substr(0, content->find_first_of("\r\n"));
    if (!is_plain(text, least, word_max))
        return std::unexpected(
            Problem{secret.file, 0, 0, "has no usable word in it", "one line of " + bounds_text(least)});
    return text;
}

} // namespace

std::string to_string(const SnmpReceiver& receiver) {
    const std::string host = receiver.address.to_string();
    return (receiver.address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(receiver.port);
}

SnmpSettings read_snmp(Section section, Complaints& complaints) {
    SnmpSettings snmp;
    for (const auto& table : section.tables("receiver", receivers_max, Presence::required)) {
        Section one{"[[snmp.receiver]]", table.place, *table.value, complaints};
        Place name = table.place;
        SnmpReceiver receiver = read_receiver(one, name);
        one.finish();
        if (std::ranges::find(snmp.receivers, receiver.name, &SnmpReceiver::name) != snmp.receivers.end())
            one.complain(name, "two receivers have the name " + quoted(receiver.name),
                         "give each a name of its own");
        snmp.receivers.push_back(std::move(receiver));
    }
    section.finish();
    return snmp;
}

std::expected<SnmpWords, Problem> read_words(const SnmpReceiver& receiver) {
    SnmpWords out;
    const auto take = [&](const SnmpSecret& secret, std::size_t least,
                          std::string& word) -> std::expected<void, Problem> {
        auto text = read_secret(secret, least);
        if (!text)
            return std::unexpected(std::move(text.error()));
        word = std::move(*text);
        return {};
    };
    if (receiver.version == SnmpVersion::v2c) {
        if (auto good = take(receiver.community, 1, out.community); !good)
            return std::unexpected(std::move(good.error()));
        return out;
    }
    if (receiver.security != SnmpSecurity::none)
        if (auto good = take(receiver.authentication_password, password_least, out.authentication); !good)
            return std::unexpected(std::move(good.error()));
    if (receiver.security == SnmpSecurity::auth_priv)
        if (auto good = take(receiver.privacy_password, password_least, out.privacy); !good)
            return std::unexpected(std::move(good.error()));
    return out;
}

std::vector<std::string> snmp_advice(const SnmpSettings& snmp) {
    std::vector<std::string> out;
    for (const SnmpReceiver& receiver : snmp.receivers) {
        const std::string name = "[[snmp.receiver]] " + receiver.name;
        if (!receiver.community.text.empty() || !receiver.authentication_password.text.empty() ||
            !receiver.privacy_password.text.empty())
            out.push_back(name + " has a community or a password in the file itself: community_file and "
                                 "the like keep it where fewer people look");
        if (receiver.version == SnmpVersion::v3 && receiver.security == SnmpSecurity::none)
            out.push_back(name + " proves nothing: anybody can send such notifications; use security = "
                                 "\"auth-priv\"");
        if (receiver.version == SnmpVersion::v3 && receiver.security != SnmpSecurity::none &&
            receiver.authentication == SnmpAuthentication::md5)
            out.push_back(name + " authenticates with MD5, which is broken; use \"sha-256\"");
    }
    return out;
}

} // namespace tandem::config
