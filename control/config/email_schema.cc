// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/email_schema.hh"

#include "control/config/private_file.hh"
#include "control/config/values.hh"
#include "control/mail/address.hh"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace tandem::config {
namespace {

constexpr std::size_t word_length_max = 255; ///< of a user, a password, a host name
constexpr std::size_t recipients_max = 50;

MailEncryption take_encryption(Section& section, std::string_view key) {
    const auto found = section.word(key, {"off", "starttls", "tls"}, Presence::optional);
    return found ? static_cast<MailEncryption>(found->value) : MailEncryption::off;
}

/// A text that goes to a mail server as part of a line.
void take_word(Section& section, std::string_view key, std::string& out) {
    const auto found = section.text(key, Presence::optional);
    if (!found)
        return;
    const bool plain = std::ranges::none_of(
        found->value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (found->value.empty() || found->value.size() > word_length_max || !plain)
        section.complain(found->place,
                         "\"" + std::string{key} + "\" is empty, too long or has a control character",
                         "1 to " + std::to_string(word_length_max) + " printable characters");
    else
        out = found->value;
}

void take_host(Section& section, std::string_view key, Presence presence, std::string& out) {
    const auto found = section.text(key, presence);
    if (!found)
        return;
    if (mail::is_host(found->value))
        out = found->value;
    else
        section.complain(found->place, "\"" + std::string{key} + "\" is not a host: " + quoted(found->value),
                         "a name like mail.example.com, or an address; the port has a key of its own");
}

std::string checked_address(Section& section, const Placed<std::string>& found) {
    if (const auto good = mail::check_address(found.value); good)
        return found.value;
    else
        section.complain(found.place, quoted(found.value) + " is no mail address: " + good.error(),
                         "write user@example.com, without a display name");
    return {};
}

void take_password(Section& section, EmailSettings& email) {
    take_word(section, "user", email.user);
    take_word(section, "password", email.password);
    take_file_name(section, "password_file", file_name_length_max, email.password_file);
    take_word(section, "password_env", email.password_env);
    const int sources = static_cast<int>(section.place_of("password").has_value()) +
                        static_cast<int>(section.place_of("password_file").has_value()) +
                        static_cast<int>(section.place_of("password_env").has_value());
    const auto user = section.place_of("user");
    if (email.logs_in() && (!user || sources != 1))
        section.complain(section.place(), section.name() + " logs in, but has not one user and one password",
                         "add user and one of password_file, password_env, password");
    if (!email.logs_in() && (user || sources > 0))
        section.complain(user.value_or(section.place()), "there is a user or a password, but nothing logs in",
                         "add authentication = \"on\", or remove them");
}

bool is_local(std::string_view server) {
    return server == "localhost" || server.starts_with("127.") || server == "::1";
}

} // namespace

EmailSettings read_email(Section section) {
    EmailSettings email;
    take_host(section, "server", Presence::required, email.server);
    email.encryption = take_encryption(section, "encryption");
    email.port = std::array<std::uint16_t, 3>{25, 587, 465}[static_cast<std::size_t>(email.encryption)];
    take_integer(section, "port", port_range, email.port);
    if (const auto found = section.word("authentication", {"off", "on"}, Presence::optional))
        email.authentication = static_cast<MailAuthentication>(found->value);
    take_host(section, "pop_server", Presence::optional, email.pop_server);
    email.pop_encryption = take_encryption(section, "pop_encryption");
    email.pop_port = email.pop_encryption == MailEncryption::tls ? 995 : 110;
    take_integer(section, "pop_port", port_range, email.pop_port);
    for (const char* key : {"pop_encryption", "pop_port"})
        if (const auto place = section.place_of(key); place && !section.place_of("pop_server"))
            section.complain(*place, "\"" + std::string{key} + "\" says nothing without \"pop_server\"",
                             "add pop_server, or remove it");
    take_password(section, email);
    if (const auto found = section.boolean("verify", Presence::optional))
        email.verify = found->value ? MailVerify::on : MailVerify::off;
    take_file_name(section, "ca_file", file_name_length_max, email.ca_file);
    if (const auto found = section.text("from", Presence::required))
        email.from = checked_address(section, *found);
    if (const auto found = section.texts("to", recipients_max, Presence::optional))
        for (const auto& address : *found)
            email.to.push_back(checked_address(section, address));
    if (const auto found = section.text("hello", Presence::optional)) {
        if (mail::is_host_name(found->value))
            email.hello = found->value;
        else
            section.complain(found->place, "\"hello\" is no host name: " + quoted(found->value),
                             "the name that the mail server should see, like node1.example.com");
    }
    take_time(section, "timeout_s", {5, 600}, email.timeout);
    take_time(section, "give_up_h", {1, 240}, email.give_up);
    take_integer(section, "digest_after", {1, 1000}, email.digest_after);
    take_time(section, "digest_window_s", {1, 3600}, email.digest_window);
    take_integer(section, "letters_max", {10, 10'000}, email.letters_max);
    section.finish();
    return email;
}

std::expected<std::string, Problem> read_password(const EmailSettings& email) {
    if (!email.logs_in() || !email.password.empty())
        return email.password;
    std::string where = email.password_file;
    std::string text;
    if (!email.password_file.empty()) {
        auto content = read_private_file(email.password_file, 2 * word_length_max,
                                         "write the password into it: one line, mode 0600");
        if (!content)
            return content;
        text = content->substr(0, content->find_first_of("\r\n"));
    } else {
        where = "variable " + email.password_env;
        if (const char* value = std::getenv(email.password_env.c_str()); value != nullptr)
            text = value;
    }
    const bool plain =
        std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (text.empty() || text.size() > word_length_max || !plain)
        return std::unexpected(
            Problem{where, 0, 0, "has no usable password for mail in it",
                    "one line of 1 to " + std::to_string(word_length_max) + " printable characters"});
    return text;
}

std::vector<std::string> mail_advice(const EmailSettings& email) {
    std::vector<std::string> out;
    if (!email.password.empty())
        out.emplace_back("[email] has the password in the file itself: password_file keeps it where fewer "
                         "people look");
    if (email.authentication == MailAuthentication::on && email.encryption == MailEncryption::off &&
        !is_local(email.server))
        out.emplace_back("[email] sends the password to " + email.server +
                         " unencrypted: use encryption = \"starttls\" or \"tls\"");
    if (!email.pop_server.empty())
        out.emplace_back("[email] uses POP-before-SMTP, which is deprecated: any program on this machine's "
                         "address may send while it lasts; use authentication = \"on\"");
    if (email.verify == MailVerify::off)
        out.emplace_back("[email] does not verify whom it talks to: anybody on the way can read along, the "
                         "password too; use ca_file");
    return out;
}

} // namespace tandem::config
