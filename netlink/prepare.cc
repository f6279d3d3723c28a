// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/kernel.hh"
#include "netlink/request.hh"

#include <cerrno>
#include <string>

namespace tandem::netlink {

namespace {

/// What is wrong with a placement; empty if nothing is.
std::string fault_of(const Placement& placement) {
    const auto& vip = placement.vip;
    if (vip.address.size() == 0)
        return "has no address";
    if (vip.length == 0 || vip.length > vip.address.bits())
        return "has an impossible prefix length";
    if (placement.interface_index <= 0)
        return "has no interface";
    if (placement.egress && placement.egress->route_table == 0)
        return "has no route table";
    // The table of local addresses stands at priority 0; a rule before it would take away the host's own
    // addresses.
    if (placement.egress && placement.egress->rule_priority == 0)
        return "has no rule priority";
    return {};
}

bool put_addresses(RequestWriter& writer, std::span<const Placement> placements) {
    for (const auto& p : placements)
        if (!writer.put_address(p.vip, p.interface_index, lease_of(p.vip.address)))
            return false;
    return true;
}

bool delete_addresses(RequestWriter& writer, std::span<const Placement> placements) {
    for (const auto& p : placements)
        if (!writer.delete_address(p.vip, p.interface_index))
            return false;
    return true;
}

bool add_rules(RequestWriter& writer, std::span<const Placement> placements) {
    for (const auto& p : placements)
        if (p.egress && !writer.add_rule(p.vip.address, p.egress->route_table, p.egress->rule_priority))
            return false;
    return true;
}

bool delete_rules(RequestWriter& writer, std::span<const Placement> placements) {
    for (const auto& p : placements)
        if (p.egress && !writer.delete_rule(p.vip.address, p.egress->route_table, p.egress->rule_priority))
            return false;
    return true;
}

/// The order of requests within a transition: at no moment may traffic from a VIP leave a node that does not
/// hold it.
bool write(RequestWriter& writer, Transition transition, std::span<const Placement> placements) {
    switch (transition) {
    case Transition::rise:
        return put_addresses(writer, placements) && delete_rules(writer, placements);
    case Transition::fall:
        return add_rules(writer, placements) && delete_addresses(writer, placements);
    case Transition::vacate:
        return delete_addresses(writer, placements);
    case Transition::seal:
        return add_rules(writer, placements);
    case Transition::renew:
        return put_addresses(writer, placements);
    }
    return false;
}

} // namespace

std::expected<Batch, Error> prepare(Transition transition, std::span<const Placement> placements) {
    for (const auto& placement : placements)
        if (const auto fault = fault_of(placement); !fault.empty())
            return std::unexpected(
                Error{EINVAL, "cannot prepare a transition: VIP " + placement.vip.to_string() + " " + fault});
    Batch batch;
    RequestWriter writer(batch);
    if (!write(writer, transition, placements))
        return std::unexpected(
            Error{EMSGSIZE, "cannot prepare a transition: " + std::to_string(placements.size()) +
                                " VIPs are more than one batch holds"});
    return batch;
}

} // namespace tandem::netlink
