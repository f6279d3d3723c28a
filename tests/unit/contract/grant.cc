// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/grant.hh"

#include <boost/test/unit_test.hpp>

#include <ostream>

namespace tandem::contract {

std::ostream& operator<<(std::ostream& out, Verdictable verdict) {
    return out << "verdict " << static_cast<int>(verdict);
}

BOOST_AUTO_TEST_SUITE(grant)

// Every standing, before, at and after its expiry.
BOOST_AUTO_TEST_CASE(what_a_worker_may_act_on) {
    struct Case {
        Standing standing;
        Verdictable in_time;
        Verdictable late;
    };
    const Case cases[]{
        {Standing::none, Verdictable::standby, Verdictable::standby},
        {Standing::standby, Verdictable::standby, Verdictable::standby},
        {Standing::yielding, Verdictable::yielding, Verdictable::lapsed},
        {Standing::active, Verdictable::active, Verdictable::lapsed},
    };
    for (const Case& c : cases) {
        const Role role{7, c.standing, {}};
        BOOST_TEST(effective(role, 1000, 0) == c.in_time);
        BOOST_TEST(effective(role, 1000, 1000) == c.in_time);
        BOOST_TEST(effective(role, 1000, 1001) == c.late);
    }
}

BOOST_AUTO_TEST_CASE(a_fresh_grant_gives_nothing) {
    const Grant fresh;
    Role role;
    BOOST_REQUIRE(fresh.role.read(role));
    BOOST_TEST(effective(role, fresh.expires_ns.load(), 1) == Verdictable::standby);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::contract
