// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the courier is asked to carry, and what came of it. Values only.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tandem::courier {

/// Never 0.
using TransferId = std::uint64_t;

/// Whether the other end must prove who it is, by its name and a certificate of an authority that is trusted.
enum class Verify : std::uint8_t { on, off };

/// TLS 1.2 or newer, always.
struct Tls {
    Verify verify{Verify::on};
    std::string ca_file;          ///< the authorities that are trusted; empty: the system's
    std::string certificate_file; ///< our own, PEM; empty: none
    std::string key_file;         ///< of that certificate, PEM
};

struct HttpRequest {
    std::string url; ///< http or https
    std::string method{"POST"};
    std::vector<std::string> headers; ///< "Name: value" each
    std::string body;
    std::string bearer; ///< token for the Authorization header; empty: none
    Tls tls;
    std::chrono::milliseconds timeout{10'000}; ///< for everything, waiting for its turn included
    std::size_t reply_max{64UL * 1024};        ///< octets of the body
};

struct HttpReply {
    int status{0}; ///< 0: no answer came
    std::string body;
    std::string trouble; ///< a sentence, fit to be printed; empty: there was an answer, whatever its status
    std::chrono::microseconds took{0};
};

enum class Encryption : std::uint8_t { off, starttls, tls };

struct MailServer {
    std::string host; ///< a name or an address
    std::uint16_t port{0};
    Encryption encryption{Encryption::off};
    std::string user; ///< empty: no login
    std::string password;
    Tls tls;
};

struct MailRequest {
    MailServer server;
    std::optional<MailServer> pop; ///< POP-before-SMTP: logged in to before; absent: not wanted
    std::string hello;             ///< the name that we call ourselves
    std::string from;              ///< addresses without a display name
    std::vector<std::string> to;
    std::string message; ///< lines end with CR LF
    std::chrono::milliseconds timeout{60'000};
};

enum class MailFate : std::uint8_t {
    accepted,
    letter_refused, ///< the server answered and will not have this letter (5xx)
    login_refused,
    failed, ///< no answer, no connection, or "not now" (4xx)
};

struct MailReply {
    MailFate fate{MailFate::failed};
    std::string trouble; ///< a sentence, fit to be printed; empty: accepted
    std::chrono::microseconds took{0};
};

} // namespace tandem::courier
