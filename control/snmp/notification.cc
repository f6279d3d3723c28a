// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/snmp/notification.hh"

#include <algorithm>
#include <array>
#include <charconv>

namespace tandem::snmp {
namespace {

constexpr std::size_t text_max = 255;

std::string_view at(const Variables& variables, std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view{} : std::string_view{found->second};
}

/// As many octets as a character has that begins here; 0: this is none (RFC 3629 section 4).
std::size_t character(std::string_view text) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = octet(0);
    const std::size_t size = first < 0x80                     ? 1
                             : first >= 0xc2 && first <= 0xdf ? 2
                             : (first & 0xf0U) == 0xe0        ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
    if (size == 0 || size > text.size())
        return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((octet(i) & 0xc0U) != 0x80)
            return 0;
    const unsigned second = size > 1 ? octet(1) : 0;
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool none = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
    return overlong || none ? 0 : size;
}

template <std::size_t count>
std::int32_t place_in(const std::array<std::string_view, count>& words, std::string_view word) {
    const auto found = std::ranges::find(words, word);
    return found == words.end() ? 0 : static_cast<std::int32_t>(found - words.begin());
}

std::int32_t role_of(std::string_view word) {
    static constexpr std::array<std::string_view, 6> roles{"",       "init",  "standby",
                                                           "active", "fault", "disabled"};
    return place_in(roles, word);
}

/// The four words of [alarm].
std::int32_t severity_of(std::string_view word) {
    static constexpr std::array<std::string_view, 5> words{"", "warning", "minor", "major", "critical"};
    return place_in(words, word);
}

Notice notice_of(const Variables& variables) {
    static constexpr std::array<std::string_view, 7> triggers{
        "", "down", "up", "degraded", "role-change", "alarm-raised", "alarm-cleared"};
    const auto place = static_cast<std::uint32_t>(place_in(triggers, at(variables, "trigger")));
    const auto notice = static_cast<Notice>(place);
    const bool about_check = notice == Notice::check_down || notice == Notice::check_up;
    if (place == 0 || (about_check && at(variables, "check").empty()))
        return Notice::notice;
    return notice;
}

} // namespace

std::string admin_string(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t size = character(text);
        const bool control = size == 1 && (static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7f);
        const bool control_too =
            size == 2 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0; // U+0080 to U+009F
        const std::string_view good = size == 0 || control || control_too ? "?" : text.substr(0, size);
        if (out.size() + good.size() > text_max)
            break;
        out += good;
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

Notification notification_of(const Variables& variables) {
    Notification out;
    out.notice = notice_of(variables);
    const auto text = [&](Field field, std::string_view name) {
        out.objects.emplace_back(field, admin_string(at(variables, name)));
    };
    text(Field::pair_name, "pair");
    text(Field::node_name, "node");
    text(Field::group_name, "group");
    text(Field::time, "time");
    text(Field::reason, "reason");
    text(Field::detail, "text");
    out.objects.emplace_back(Field::role, role_of(at(variables, "role")));
    if (out.notice == Notice::role_change)
        out.objects.emplace_back(Field::role_before, role_of(at(variables, "role_before")));
    std::uint64_t epoch = 0;
    const std::string_view digits = at(variables, "epoch");
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), epoch);
    out.objects.emplace_back(Field::epoch, epoch);
    if (out.notice == Notice::check_down || out.notice == Notice::check_up)
        text(Field::check_name, "check");
    if (out.notice == Notice::alarm_raised || out.notice == Notice::alarm_cleared) {
        text(Field::alarm_code, "alarm");
        out.objects.emplace_back(Field::alarm_severity, severity_of(at(variables, "severity")));
    }
    return out;
}

std::string_view to_string(Notice notice) {
    static constexpr std::array<std::string_view, 8> names{"",
                                                           "tandemCheckDown",
                                                           "tandemCheckUp",
                                                           "tandemGroupDegraded",
                                                           "tandemRoleChange",
                                                           "tandemAlarmRaised",
                                                           "tandemAlarmCleared",
                                                           "tandemNotice"};
    return names[static_cast<std::size_t>(notice)];
}

} // namespace tandem::snmp
