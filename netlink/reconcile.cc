// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/reconcile.hh"

#include <algorithm>
#include <iterator>

namespace tandem::netlink {

namespace {

void make_set(std::vector<Item>& items) {
    std::ranges::sort(items);
    const auto rest = std::ranges::unique(items);
    items.erase(rest.begin(), rest.end());
}

/// The items of `from` that are not in `without`; both are sorted.
std::vector<Item> difference(const std::vector<Item>& from, const std::vector<Item>& without) {
    std::vector<Item> result;
    std::ranges::set_difference(from, without, std::back_inserter(result));
    return result;
}

/// At no moment may a VIP be served outside while its rule is wanted and not there, so a rule comes before
/// everything and goes after everything; and an address that goes makes room before another comes.
unsigned stage(const Operation& operation) {
    const bool rule = operation.item.kind == Kind::egress_rule;
    if (operation.verb == Verb::add)
        return rule ? 0U : 2U;
    return rule ? 3U : 1U;
}

} // namespace

std::vector<Operation> reconcile(std::vector<Item> wanted, std::vector<Item> observed) {
    make_set(wanted);
    make_set(observed);
    std::vector<Operation> operations;
    for (const auto& item : difference(wanted, observed))
        operations.push_back({Verb::add, item});
    for (const auto& item : difference(observed, wanted))
        operations.push_back({Verb::remove, item});
    std::ranges::stable_sort(operations, {}, stage);
    return operations;
}

} // namespace tandem::netlink
