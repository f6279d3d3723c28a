// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/snmp/notification.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace tandem::snmp;

namespace {

template <class T>
T value_of(const Notification& notification, Field field) {
    const auto found = std::ranges::find(notification.objects, field, &Object::field);
    BOOST_REQUIRE(found != notification.objects.end());
    return std::get<T>(found->value);
}

bool has(const Notification& notification, Field field) {
    return std::ranges::find(notification.objects, field, &Object::field) != notification.objects.end();
}

} // namespace

BOOST_AUTO_TEST_SUITE(notification)

BOOST_AUTO_TEST_CASE(one_for_each_trigger) {
    const auto name = [](const char* trigger, const char* check = "") {
        return to_string(notification_of({{"trigger", trigger}, {"check", check}}).notice);
    };
    BOOST_TEST(name("down", "ping") == "tandemCheckDown");
    BOOST_TEST(name("up", "ping") == "tandemCheckUp");
    BOOST_TEST(name("degraded") == "tandemGroupDegraded");
    BOOST_TEST(name("role-change") == "tandemRoleChange");
    BOOST_TEST(name("alarm-raised") == "tandemAlarmRaised");
    BOOST_TEST(name("alarm-cleared") == "tandemAlarmCleared");
    BOOST_TEST(name("down") == "tandemNotice"); // of no check
    BOOST_TEST(name("sunrise") == "tandemNotice");
    BOOST_TEST(to_string(notification_of({}).notice) == "tandemNotice");
}

BOOST_AUTO_TEST_CASE(a_change_of_role) {
    const Notification made = notification_of({{"trigger", "role-change"},
                                               {"pair", "p"},
                                               {"node", "a"},
                                               {"group", "g"},
                                               {"role", "active"},
                                               {"role_before", "standby"},
                                               {"epoch", "18446744073709551615"},
                                               {"reason", "why"}});
    BOOST_TEST(value_of<std::int32_t>(made, Field::role) == 3);
    BOOST_TEST(value_of<std::int32_t>(made, Field::role_before) == 2);
    BOOST_TEST(value_of<std::uint64_t>(made, Field::epoch) == 18446744073709551615U);
    BOOST_TEST(value_of<std::string>(made, Field::reason) == "why");
    BOOST_TEST(value_of<std::string>(made, Field::detail) == "");
    BOOST_TEST(!has(made, Field::check_name));
    BOOST_TEST(!has(made, Field::alarm_code));
}

BOOST_AUTO_TEST_CASE(an_alarm) {
    const auto severity = [](const char* word) {
        return value_of<std::int32_t>(
            notification_of({{"trigger", "alarm-raised"}, {"alarm", "x.y"}, {"severity", word}}),
            Field::alarm_severity);
    };
    BOOST_TEST(severity("warning") == 1);
    BOOST_TEST(severity("minor") == 2);
    BOOST_TEST(severity("major") == 3);
    BOOST_TEST(severity("critical") == 4);
    BOOST_TEST(severity("") == 0);
}

BOOST_AUTO_TEST_CASE(epochs_that_are_none) {
    for (const char* epoch : {"", "x", "-1", "99999999999999999999"})
        BOOST_TEST(value_of<std::uint64_t>(notification_of({{"epoch", epoch}}), Field::epoch) == 0U);
}

BOOST_AUTO_TEST_CASE(texts_are_well_formed_and_bounded) {
    BOOST_TEST(admin_string("Grüße, €, 𝄞") == "Grüße, €, 𝄞");
    BOOST_TEST(admin_string("a\nb\x7f\x1b[0m") == "a?b??[0m");
    BOOST_TEST(admin_string("a\xc2\x85z") == "a?z");
    BOOST_TEST(admin_string("\xff\xc3(\xed\xa0\x80\xc0\xaf") == "??"
                                                                "(?????");
    BOOST_TEST(admin_string("\xe2\x82") == "??");
    BOOST_TEST(admin_string(std::string(300, 'x')).size() == 255U);
    // cut at a character
    std::string euros;
    for (int i = 0; i < 100; ++i)
        euros += "€";
    BOOST_TEST(admin_string("x" + euros).size() == 1 + 84 * 3U);
}

BOOST_AUTO_TEST_SUITE_END()
