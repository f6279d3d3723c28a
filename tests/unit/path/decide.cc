// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/decide.hh"

#include <boost/test/unit_test.hpp>

#include <string>

// The table is enumerated: every combination is asked, and the answer compared with rules written another way
// round.

namespace {

using namespace tandem::path;
using tandem::contract::Counter;

bool is_sip_port_traffic(Kind kind) {
    return kind == Kind::sip_matching || kind == Kind::sip_other || kind == Kind::sip_malformed ||
           kind == Kind::keepalive;
}

Counter counter_when_forwarded(Kind kind) {
    switch (kind) {
    case Kind::sip_malformed:
        return Counter::sip_malformed;
    case Kind::keepalive:
        return Counter::sip_keepalive;
    case Kind::other_port:
    case Kind::not_vip:
        return Counter::not_sip;
    case Kind::fragment:
        return Counter::packet_fragment;
    case Kind::truncated:
    case Kind::unreadable:
        return Counter::packet_truncated;
    default:
        return Counter::sip_forwarded;
    }
}

bool is_of_an_older_term(Kind kind) {
    return kind == Kind::outdated || kind == Kind::late_binding;
}

Decision outside(Kind kind, Stance stance) {
    if (is_of_an_older_term(kind))
        return {Action::drop, Copy::none, Counter::drop_standby};
    const bool ours = kind != Kind::not_vip && kind != Kind::unreadable;
    if (ours && (stance == Stance::standby || stance == Stance::none))
        return {Action::drop, Copy::none, Counter::drop_standby};
    if (ours && stance == Stance::lapsed)
        return {Action::hold, Copy::none, Counter::held};
    if (stance == Stance::yielding && is_sip_port_traffic(kind))
        return {Action::redirect, Copy::none, Counter::redirected_sent};
    const bool copy = kind == Kind::sip_matching && stance == Stance::active;
    return {Action::forward, copy ? Copy::mirror : Copy::none, counter_when_forwarded(kind)};
}

/// What both HA entrances refuse for the packet's own sake.
const Decision* unfit(Kind kind) {
    static constexpr Decision stray{Action::drop, Copy::none, Counter::mirror_not_vip};
    static constexpr Decision old{Action::drop, Copy::none, Counter::mirror_old_epoch};
    static constexpr Decision garbled{Action::drop, Copy::none, Counter::link_malformed};
    if (is_sip_port_traffic(kind))
        return nullptr;
    return kind == Kind::not_vip ? &stray : is_of_an_older_term(kind) ? &old : &garbled;
}

Decision expected(Ingress ingress, Kind kind, Stance stance) {
    switch (ingress) {
    case Ingress::outside:
        return outside(kind, stance);
    case Ingress::mirror:
        if (kind == Kind::late_binding && stance == Stance::active)
            return {Action::deliver, Copy::none, Counter::mirror_late};
        if (const Decision* refused = unfit(kind); refused != nullptr && kind != Kind::late_binding)
            return *refused;
        if (stance == Stance::standby)
            return {Action::deliver, Copy::none, Counter::mirror_delivered};
        if (stance == Stance::yielding || stance == Stance::lapsed)
            return {Action::defer, Copy::none, Counter::mirror_deferred};
        return {Action::drop, Copy::none, Counter::mirror_not_standby};
    case Ingress::redirect:
        if (const Decision* refused = unfit(kind))
            return *refused;
        if (stance == Stance::lapsed)
            return {Action::hold, Copy::none, Counter::held};
        if (stance != Stance::active)
            return {Action::drop, Copy::none, Counter::redirected_refused};
        return {Action::deliver, kind == Kind::sip_matching ? Copy::mirror : Copy::none,
                Counter::redirected_received};
    case Ingress::inside:
    case Ingress::shadow:
    case Ingress::count_:
        break;
    }
    const bool from_vip = kind != Kind::not_vip && kind != Kind::unreadable && !is_of_an_older_term(kind);
    if (ingress == Ingress::inside && from_vip) {
        if (stance == Stance::lapsed)
            return {Action::hold, Copy::none, Counter::held};
        if (stance == Stance::active || stance == Stance::yielding)
            return {Action::forward, Copy::none, Counter::inside_forwarded};
        return {Action::hold_back, Copy::none, Counter::inside_held_back};
    }
    return {Action::hold_back, Copy::none, from_vip ? Counter::shadow_held_back : Counter::shadow_other};
}

} // namespace

BOOST_AUTO_TEST_SUITE(decide_table)

BOOST_AUTO_TEST_CASE(every_combination) {
    std::size_t asked = 0;
    for (std::size_t i = 0; i < ingress_count; ++i)
        for (std::size_t k = 0; k < kind_count; ++k)
            for (std::size_t s = 0; s < stance_count; ++s) {
                const auto ingress = static_cast<Ingress>(i);
                const auto kind = static_cast<Kind>(k);
                const auto stance = static_cast<Stance>(s);
                const std::string what = std::string(to_string(ingress)) + " x " +
                                         std::string(to_string(kind)) + " x " +
                                         std::string(to_string(stance));
                const Decision got = decide(ingress, kind, stance);
                const Decision want = expected(ingress, kind, stance);
                BOOST_TEST(to_string(got.action) == to_string(want.action), what);
                BOOST_TEST((got.copy == want.copy), what + ": copy");
                BOOST_TEST(tandem::contract::to_string(got.counter) ==
                               tandem::contract::to_string(want.counter),
                           what);
                ++asked;
            }
    BOOST_TEST(asked == 5U * 11U * 5U);
}

BOOST_AUTO_TEST_CASE(only_the_active_copies_and_nothing_mirrored_is_copied_again) {
    for (std::size_t i = 0; i < ingress_count; ++i)
        for (std::size_t k = 0; k < kind_count; ++k)
            for (std::size_t s = 0; s < stance_count; ++s)
                if (decide(static_cast<Ingress>(i), static_cast<Kind>(k), static_cast<Stance>(s)).copy ==
                    Copy::mirror) {
                    BOOST_TEST((static_cast<Stance>(s) == Stance::active));
                    BOOST_TEST((static_cast<Ingress>(i) != Ingress::mirror));
                    BOOST_TEST((static_cast<Kind>(k) == Kind::sip_matching));
                }
}

BOOST_AUTO_TEST_CASE(stance_follows_role_and_lease) {
    using tandem::contract::Role;
    using tandem::contract::Standing;
    BOOST_TEST((stance_of(Role{1, Standing::none, {}}, 100, 50) == Stance::none));
    BOOST_TEST((stance_of(Role{1, Standing::standby, {}}, 0, 50) == Stance::standby));
    BOOST_TEST((stance_of(Role{1, Standing::active, {}}, 50, 50) == Stance::active));
    BOOST_TEST((stance_of(Role{1, Standing::active, {}}, 49, 50) == Stance::lapsed));
    BOOST_TEST((stance_of(Role{1, Standing::yielding, {}}, 50, 50) == Stance::yielding));
    BOOST_TEST((stance_of(Role{1, Standing::yielding, {}}, 49, 50) == Stance::lapsed));
}

BOOST_AUTO_TEST_SUITE_END()
