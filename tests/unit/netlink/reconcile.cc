// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/reconcile.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace tandem;
using netlink::Item;
using netlink::Kind;
using netlink::Operation;
using netlink::Verb;

namespace {

Item item(Kind kind, const char* address, int interface_index = 0) {
    return {kind, wire::IpAddress::parse(address).value(), interface_index};
}

/// The arrangement after the operations; each must make sense where it stands.
std::vector<Item> apply(std::vector<Item> state, const std::vector<Operation>& operations) {
    for (const auto& operation : operations) {
        const auto found = std::ranges::find(state, operation.item);
        if (operation.verb == Verb::add) {
            BOOST_CHECK(found == state.end());
            state.push_back(operation.item);
        } else {
            BOOST_REQUIRE(found != state.end());
            state.erase(found);
        }
    }
    std::ranges::sort(state);
    return state;
}

} // namespace

BOOST_AUTO_TEST_SUITE(reconcile)

BOOST_AUTO_TEST_CASE(nothing_to_do_where_all_is_as_wanted) {
    const std::vector<Item> items{item(Kind::egress_rule, "10.0.0.1"), item(Kind::vip_shadow, "10.0.0.1", 4)};
    BOOST_CHECK(netlink::reconcile(items, {items[1], items[0], items[0]}).empty());
    BOOST_CHECK(netlink::reconcile({}, {}).empty());
}

BOOST_AUTO_TEST_CASE(rules_come_first_then_removals_then_additions_then_rules_go) {
    const auto operations =
        netlink::reconcile({item(Kind::egress_rule, "10.0.0.1"), item(Kind::vip_shadow, "10.0.0.1", 4)},
                           {item(Kind::egress_rule, "10.0.0.2"), item(Kind::vip_shadow, "10.0.0.2", 4),
                            item(Kind::vip_outside, "10.0.0.1", 2)});
    const std::vector<Operation> wanted{
        {Verb::add, item(Kind::egress_rule, "10.0.0.1")},
        {Verb::remove, item(Kind::vip_shadow, "10.0.0.2", 4)},
        {Verb::remove, item(Kind::vip_outside, "10.0.0.1", 2)},
        {Verb::add, item(Kind::vip_shadow, "10.0.0.1", 4)},
        {Verb::remove, item(Kind::egress_rule, "10.0.0.2")},
    };
    BOOST_CHECK(operations == wanted);
}

BOOST_AUTO_TEST_CASE(the_same_address_on_another_interface_is_another_thing) {
    const auto operations = netlink::reconcile({item(Kind::vip_shadow, "2001:db8::1", 7)},
                                               {item(Kind::vip_shadow, "2001:db8::1", 4)});
    const std::vector<Operation> wanted{{Verb::remove, item(Kind::vip_shadow, "2001:db8::1", 4)},
                                        {Verb::add, item(Kind::vip_shadow, "2001:db8::1", 7)}};
    BOOST_CHECK(operations == wanted);
}

// Every pair of subsets of four things: the operations lead from one to the other, in safe order.
BOOST_AUTO_TEST_CASE(every_small_arrangement_is_reached) {
    const std::vector<Item> universe{
        item(Kind::egress_rule, "10.0.0.1"), item(Kind::vip_shadow, "10.0.0.1", 4),
        item(Kind::vip_outside, "10.0.0.1", 2), item(Kind::egress_rule, "2001:db8::1")};
    const auto subset = [&](unsigned mask) {
        std::vector<Item> items;
        for (unsigned i = 0; i < universe.size(); ++i)
            if ((mask >> i & 1U) != 0)
                items.push_back(universe[i]);
        std::ranges::sort(items);
        return items;
    };
    const auto stage = [](const Operation& o) {
        const bool rule = o.item.kind == Kind::egress_rule;
        return o.verb == Verb::add ? (rule ? 0 : 2) : (rule ? 3 : 1);
    };
    for (unsigned wanted = 0; wanted < 16; ++wanted)
        for (unsigned observed = 0; observed < 16; ++observed) {
            const auto operations = netlink::reconcile(subset(wanted), subset(observed));
            BOOST_CHECK(apply(subset(observed), operations) == subset(wanted));
            BOOST_CHECK(std::ranges::is_sorted(operations, {}, stage));
        }
}

BOOST_AUTO_TEST_SUITE_END()
