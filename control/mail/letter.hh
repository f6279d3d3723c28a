// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A letter, and its form on the wire.
//
// Problem: subjects, bodies and addresses are filled with names and texts that others chose; a line break in
// one of them would be a header of its own. Idea: addresses are accepted strictly or refused; texts are made
// well-formed UTF-8 on one line before they are encoded; and everything that leaves is printable ASCII, short
// lines, encoded where it is not. Pure. Deliberately absent: attachments, HTML, dot stuffing (the courier's).

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::mail {

/// What somebody wants to have sent.
struct Letter {
    std::string from;            ///< empty: that of the settings
    std::vector<std::string> to; ///< empty: those of the settings
    std::string subject;
    std::string body; ///< lines end with LF or CR LF
};

inline constexpr std::size_t recipients_max = 50;
inline constexpr std::size_t subject_max = 400; ///< octets; what is longer is cut
inline constexpr std::size_t body_max = 256UL * 1024;

/// `user@host` as it may stand in a command to a mail server: a dot-atom of printable ASCII and a host name
/// or an address literal. Nothing quoted, no display name, no comment. A sentence when it is none.
std::expected<void, std::string> check_address(std::string_view address);

/// The name that we call ourselves: letters, digits, "-", ".", or an address literal.
bool is_host_name(std::string_view name);

/// Well-formed UTF-8 without control characters, in one line, at most `most` octets.
std::string one_line(std::string_view text, std::size_t most);

/// Well-formed UTF-8; of control characters only tabs and line ends (as LF) are kept.
std::string clean_text(std::string_view text, std::size_t most);

/// Everything that is needed for the message besides the letter.
struct Envelope {
    std::string from;
    std::vector<std::string> to;
    std::string message_id; ///< without the angle brackets
    std::chrono::system_clock::time_point date;
};

/// RFC 5322, lines ending with CR LF. The addresses have been checked.
std::string compose(const Envelope& envelope, std::string_view subject, std::string_view body);

/// RFC 5322, section 3.3, in the local zone.
std::string date_text(std::chrono::system_clock::time_point date);

/// RFC 2047 where it is not plain ASCII; folded.
std::string encode_subject(std::string_view subject);

} // namespace tandem::mail
