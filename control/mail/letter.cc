// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/letter.hh"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>

namespace tandem::mail {
namespace {

constexpr std::string_view hex = "0123456789ABCDEF";
constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

/// Octets of the well-formed character at the beginning; 0: there is none.
std::size_t character_length(std::string_view text) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = octet(0);
    if (first < 0x80)
        return 1;
    const std::size_t length = first >= 0xf5   ? 0
                               : first >= 0xf0 ? 4
                               : first >= 0xe0 ? 3
                               : first >= 0xc2 ? 2
                                               : 0;
    if (length == 0 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((octet(i) & 0xc0U) != 0x80)
            return 0;
    const bool overlong = (first == 0xe0 && octet(1) < 0xa0) || (first == 0xf0 && octet(1) < 0x90);
    const bool none = (first == 0xed && octet(1) >= 0xa0) || (first == 0xf4 && octet(1) >= 0x90);
    return overlong || none ? 0 : length;
}

/// U+0085, U+2028 and U+2029 end lines for some readers, and the controls of C1 are none of ours.
bool is_odd(std::string_view character) {
    return (character.size() == 2 && character[0] == '\xc2' &&
            static_cast<unsigned char>(character[1]) < 0xa0) ||
           character == "\xe2\x80\xa8" || character == "\xe2\x80\xa9";
}

enum class LineEnds : std::uint8_t { spaces, kept };

std::string cleaned(std::string_view text, std::size_t most, LineEnds ends) {
    std::string out;
    while (!text.empty()) {
        std::size_t length = character_length(text);
        std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
        text.remove_prefix(character.size());
        const char c = character[0];
        if (c == '\r' && text.starts_with('\n'))
            continue; // the LF says it
        if (length == 0 || is_odd(character))
            character = replacement;
        else if (length == 1 && (c == '\n' || c == '\r'))
            character = ends == LineEnds::kept ? "\n" : " ";
        else if (length == 1 && c == '\t')
            character = ends == LineEnds::kept ? "\t" : " ";
        else if (length == 1 && (c < ' ' || c == 0x7f))
            character = replacement;
        if (out.size() + character.size() > most)
            break;
        out += character;
    }
    return out;
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

bool is_domain(std::string_view domain) {
    if (domain.size() > 2 && domain.front() == '[' && domain.back() == ']') // an address literal
        return domain.size() <= 60 && std::ranges::all_of(domain.substr(1, domain.size() - 2), [](char c) {
                   return is_letter_or_digit(c) || c == '.' || c == ':';
               });
    if (domain.empty() || domain.size() > 253)
        return false;
    for (;;) {
        const auto dot = domain.find('.');
        if (!is_label(domain.substr(0, dot)))
            return false;
        if (dot == std::string_view::npos)
            return true;
        domain.remove_prefix(dot + 1);
    }
}

/// RFC 2045, section 6.7; `text` has LF at its line ends.
std::string quoted_printable(std::string_view text) {
    constexpr std::size_t line_max = 76;
    std::string out;
    std::size_t column = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') {
            out += "\r\n";
            column = 0;
            continue;
        }
        const bool at_end = i + 1 == text.size() || text[i + 1] == '\n';
        const bool plain = c > ' ' && c <= '~' && c != '=';
        // "From " and a lone dot at the beginning of a line are what some programs on the way stumble over
        const bool risky = column == 0 && (c == '.' || text.substr(i).starts_with("From "));
        const bool as_is = (plain && !risky) || ((c == ' ' || c == '\t') && !at_end);
        const std::size_t width = as_is ? 1 : 3;
        if (column + width > line_max - 1) { // the last place is for the "="
            out += "=\r\n";
            column = 0;
        }
        if (as_is) {
            out += c;
        } else {
            out += '=';
            out += hex[static_cast<unsigned char>(c) >> 4U];
            out += hex[static_cast<unsigned char>(c) & 15U];
        }
        column += width;
    }
    if (column != 0)
        out += "\r\n";
    return out;
}

std::string base64(std::string_view octets) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        const std::string_view part = octets.substr(i, 3);
        std::uint32_t word = 0;
        for (std::size_t j = 0; j < 3; ++j)
            word = word << 8U | (j < part.size() ? static_cast<unsigned char>(part[j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j)
            out += j <= part.size() ? letters[word >> (18 - 6 * j) & 63U] : '=';
    }
    return out;
}

std::string listed(const std::vector<std::string>& addresses) {
    std::string out;
    for (const std::string& address : addresses)
        out += (out.empty() ? "" : ",\r\n ") + address;
    return out;
}

} // namespace

std::expected<void, std::string> check_address(std::string_view address) {
    constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~";
    const auto wrong = [](const char* what) { return std::unexpected(std::string{what}); };
    if (address.empty())
        return wrong("the address is empty");
    if (address.size() > 254)
        return wrong("the address is too long");
    const auto at = address.rfind('@');
    if (at == std::string_view::npos)
        return wrong("the address has no @");
    const std::string_view local = address.substr(0, at);
    if (local.empty() || local.size() > 64 || local.front() == '.' || local.back() == '.' ||
        local.find("..") != std::string_view::npos || !std::ranges::all_of(local, [&](char c) {
            return is_letter_or_digit(c) || c == '.' || others.find(c) != std::string_view::npos;
        }))
        return wrong("what stands before the @ is no plain mailbox name");
    if (!is_domain(address.substr(at + 1)))
        return wrong("what stands behind the @ is no host name");
    return {};
}

bool is_host_name(std::string_view name) {
    return is_domain(name);
}

std::string one_line(std::string_view text, std::size_t most) {
    return cleaned(text, most, LineEnds::spaces);
}

std::string clean_text(std::string_view text, std::size_t most) {
    return cleaned(text, most, LineEnds::kept);
}

std::string encode_subject(std::string_view subject) {
    constexpr std::size_t word_max = 42; // octets in an encoded word, which may have 75 characters
    // What looks like an encoded word is encoded, so that it comes out as it went in.
    if (is_plain(subject) && subject.size() <= 66 && subject.find("=?") == std::string_view::npos)
        return std::string{subject};
    std::string out;
    while (!subject.empty()) {
        std::size_t length = 0;
        while (length < subject.size()) {
            const std::size_t next = std::max<std::size_t>(1, character_length(subject.substr(length)));
            if (length + next > word_max)
                break;
            length += next;
        }
        out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64(subject.substr(0, length)) + "?=";
        subject.remove_prefix(length);
    }
    return out;
}

std::string date_text(std::chrono::system_clock::time_point date) {
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = std::chrono::system_clock::to_time_t(date);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    const long minutes = local.tm_gmtoff / 60;
    const long distance = minutes < 0 ? -minutes : minutes;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d %c%02ld%02ld",
                  days[static_cast<std::size_t>(local.tm_wday)], local.tm_mday,
                  months[static_cast<std::size_t>(local.tm_mon)], local.tm_year + 1900, local.tm_hour,
                  local.tm_min, local.tm_sec, minutes < 0 ? '-' : '+', distance / 60, distance % 60);
    return text.data();
}

std::string compose(const Envelope& envelope, std::string_view subject, std::string_view body) {
    std::string text = clean_text(body, body_max);
    if (!text.empty() && !text.ends_with('\n'))
        text += '\n';
    return "Date: " + date_text(envelope.date) + "\r\nMessage-ID: <" + envelope.message_id +
           ">\r\nFrom: " + envelope.from + "\r\nTo: " + listed(envelope.to) +
           "\r\nSubject: " + encode_subject(one_line(subject, subject_max)) +
           "\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
           "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
           quoted_printable(text);
}

} // namespace tandem::mail
