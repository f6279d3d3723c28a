// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_method.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::wire {

BOOST_AUTO_TEST_SUITE(method_names)

BOOST_AUTO_TEST_CASE(there_and_back) {
    for (unsigned i = 0; i < static_cast<unsigned>(SipMethod::other); ++i) {
        const auto method = static_cast<SipMethod>(i);
        BOOST_TEST((sip_method(to_string(method)) == method), to_string(method));
    }
    BOOST_TEST((sip_method("REGISTER") == SipMethod::register_));
    BOOST_TEST((sip_method("ACK") == SipMethod::ack));
    BOOST_TEST((sip_method("SUBSCRIBE") == SipMethod::subscribe));
}

BOOST_AUTO_TEST_CASE(anything_else_is_another) {
    for (const char* token : {"", "invite", "INVITE ", "INVIT", "INVITES", "other", "FOO"})
        BOOST_TEST((sip_method(token) == SipMethod::other), token);
    BOOST_TEST(to_string(SipMethod::other) == "other");
    BOOST_TEST(to_string(static_cast<SipMethod>(200)) == "other");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire
