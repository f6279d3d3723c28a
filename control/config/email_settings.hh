// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[email]`: through whom mail goes, from whom, to whom.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::config {

enum class MailEncryption : std::uint8_t { off, starttls, tls };
enum class MailAuthentication : std::uint8_t { off, on };
enum class MailVerify : std::uint8_t { on, off };

struct EmailSettings {
    std::string server;     ///< a host name or an address
    std::uint16_t port{25}; ///< default by encryption: 25, 587, 465
    MailEncryption encryption{MailEncryption::off};
    MailAuthentication authentication{MailAuthentication::off};
    std::string user;
    // One of the three, where there is a user:
    std::string password;
    std::string password_file; ///< its first line; mode 0600 or stricter
    std::string password_env;  ///< name of a variable of tandemd's environment
    MailVerify verify{MailVerify::on};
    std::string ca_file; ///< empty: the system's authorities
    std::string from;
    std::vector<std::string> to; ///< of letters that name nobody; may be empty
    std::string hello;           ///< empty: this machine's name
    std::string pop_server;      ///< POP-before-SMTP; empty: none
    std::uint16_t pop_port{110}; ///< default by encryption: 110, 110, 995
    MailEncryption pop_encryption{MailEncryption::off};
    std::chrono::seconds timeout{60};
    std::chrono::hours give_up{48};         ///< `give_up_h`
    unsigned digest_after{5};               ///< so many letters to the same recipients go singly within
    std::chrono::seconds digest_window{60}; ///< `digest_window_s`; of more, the rest goes as one
    unsigned letters_max{1000};             ///< that wait

    bool operator==(const EmailSettings&) const = default;

    /// Whether a login needs the password.
    bool logs_in() const { return authentication == MailAuthentication::on || !pop_server.empty(); }
};

} // namespace tandem::config
