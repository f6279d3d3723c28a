// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/kernel.hh"
#include "netlink/observe.hh"
#include "netlink/sysctl.hh"

#include <linux/rtnetlink.h>

#include <algorithm>

namespace tandem::netlink {

namespace {

using Sentences = std::vector<std::string>;

bool is_vip(const ShadowSetup& setup, const wire::IpAddress& address) {
    return std::ranges::find(setup.vips, address) != setup.vips.end();
}

/// The kernel takes the greater of the value for `all` and the interface's own.
int effective(const std::string& setting, const std::string& interface) {
    return std::max(read_setting("ipv4/conf/all/" + setting).value_or(0),
                    read_setting("ipv4/conf/" + interface + "/" + setting).value_or(0));
}

void check_settings(const ShadowSetup& setup, Sentences& sentences) {
    if (read_setting("ipv4/conf/all/rp_filter") == 1)
        sentences.emplace_back(
            "net.ipv4.conf.all.rp_filter is 1 (strict): requests that reach this node by another "
            "interface than the way back are dropped; set it to 0 or 2");
    const bool ipv6 = std::ranges::any_of(setup.vips, &wire::IpAddress::is_v6);
    for (const auto& name : setup.outside_interfaces) {
        if (read_setting("ipv4/conf/all/arp_ignore").value_or(0) > 1)
            sentences.push_back("net.ipv4.conf.all.arp_ignore is above 1: " + name +
                                " may not answer ARP for a VIP that this node holds; set it to 0 or 1");
        if (effective("proxy_arp", name) != 0)
            sentences.push_back("proxy_arp is on for " + name +
                                ": this node may answer ARP for addresses of others");
        if (ipv6 && read_setting("ipv6/conf/" + name + "/disable_ipv6").value_or(1) != 0)
            sentences.push_back("IPv6 is disabled on " + name + ": its IPv6 VIPs cannot be served");
    }
}

void check_addresses(const ShadowSetup& setup, Sentences& sentences) {
    const auto interfaces = list_interfaces();
    if (!interfaces)
        return;
    for (const auto& name : setup.outside_interfaces) {
        const auto found = std::ranges::find(*interfaces, name, &Interface::name);
        if (found == interfaces->end())
            sentences.push_back("outside interface " + name + " does not exist");
        else if (!found->up)
            sentences.push_back("outside interface " + name + " is down");
    }
    for (const auto& interface : *interfaces) {
        if (interface.name == setup.name ||
            std::ranges::find(setup.outside_interfaces, interface.name) != setup.outside_interfaces.end())
            continue;
        for (const auto& address : interface.addresses)
            if (is_vip(setup, address.address))
                sentences.push_back("VIP " + address.address.to_string() + " is also an address of " +
                                    interface.name + ", which tandem does not manage: remove it there");
    }
}

void check_routing(const ShadowSetup& setup, Sentences& sentences) {
    if (const auto table = list_routes(setup.route_table); table && table->others > 0)
        sentences.push_back(
            "route table " + std::to_string(setup.route_table) +
            " holds other routes: traffic of a standby's SIP server may leave by them; give the "
            "shadow interface a table of its own");
    const auto rules = list_rules();
    if (!rules)
        return;
    const auto comes_before = [&](const ObservedRule& rule) {
        if (rule.priority >= setup.rule_priority || rule.table == RT_TABLE_LOCAL)
            return false;
        return std::ranges::any_of(setup.vips, [&](const wire::IpAddress& vip) {
            return rule.family == vip.family &&
                   (rule.source.address.size() == 0 || rule.source.contains(vip));
        });
    };
    if (const auto found = std::ranges::find_if(*rules, comes_before); found != rules->end())
        sentences.push_back("the routing rule at priority " + std::to_string(found->priority) +
                            " stands before the egress rules (" + std::to_string(setup.rule_priority) +
                            "): traffic of a standby's SIP server may leave by it");
}

/// Whether a VIP is served by the interface as the configuration says.
bool is_served(const TapSetup& setup, const std::string& interface, const wire::IpAddress& vip) {
    return std::ranges::any_of(setup.interfaces, [&](const TapSetup::Served& served) {
        return served.interface == interface && std::ranges::find(served.vips, vip) != served.vips.end();
    });
}

void check_tap(const TapSetup::Served& served, const std::vector<Interface>& interfaces,
               Sentences& sentences) {
    const std::string& name = served.interface;
    const auto found = std::ranges::find(interfaces, name, &Interface::name);
    if (found == interfaces.end())
        sentences.push_back("interface " + name + " does not exist");
    else if (!found->up)
        sentences.push_back("interface " + name + " is down");
    const bool ipv6 = std::ranges::any_of(served.vips, &wire::IpAddress::is_v6);
    if (ipv6 && read_setting("ipv6/conf/" + name + "/disable_ipv6").value_or(1) != 0)
        sentences.push_back("IPv6 is disabled on " + name + ": its IPv6 VIPs cannot be held");
    if (effective("proxy_arp", name) != 0)
        sentences.push_back("proxy_arp is on for " + name +
                            ": this node may answer ARP for addresses of others");
}

} // namespace

std::vector<std::string> host_warnings(const TapSetup& setup) {
    Sentences sentences;
    const auto interfaces = list_interfaces();
    if (!interfaces)
        return sentences;
    for (const TapSetup::Served& served : setup.interfaces)
        check_tap(served, *interfaces, sentences);
    for (const Interface& interface : *interfaces)
        for (const wire::Prefix& address : interface.addresses)
            for (const TapSetup::Served& served : setup.interfaces)
                if (std::ranges::find(served.vips, address.address) != served.vips.end() &&
                    !is_served(setup, interface.name, address.address))
                    sentences.push_back("VIP " + address.address.to_string() + " is also an address of " +
                                        interface.name + ", which tandem does not manage: remove it there");
    return sentences;
}

std::vector<std::string> host_warnings(const ShadowSetup& setup) {
    Sentences sentences;
    check_settings(setup, sentences);
    check_addresses(setup, sentences);
    check_routing(setup, sentences);
    return sentences;
}

} // namespace tandem::netlink
