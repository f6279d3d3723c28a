// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/kernel.hh"
#include "netlink/observe.hh"
#include "netlink/reconcile.hh"
#include "netlink/request.hh"
#include "netlink/sysctl.hh"
#include "netlink/tun.hh"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace tandem::netlink {

namespace {

/// The way into the TUN is preferred; when it goes, with the interface, the blackhole is what is left.
constexpr std::uint32_t shadow_metric = 10;
constexpr std::uint32_t blackhole_metric = 1000;

using Result = std::expected<void, Error>;

const Interface* find(const std::vector<Interface>& interfaces, std::string_view name) {
    const auto found = std::ranges::find(interfaces, name, &Interface::name);
    return found == interfaces.end() ? nullptr : &*found;
}

bool wants(const ShadowSetup& setup, wire::Family family) {
    return std::ranges::find(setup.vips, family, &wire::IpAddress::family) != setup.vips.end();
}

bool is_link_local(const wire::IpAddress& address) {
    return address.is_v6() && address.octets[0] == 0xfe && (address.octets[1] & 0xc0U) == 0x80;
}

bool is_vip(const ShadowSetup& setup, const wire::IpAddress& address) {
    return std::ranges::find(setup.vips, address) != setup.vips.end();
}

wire::Prefix host_prefix(const wire::IpAddress& address) {
    return {address, static_cast<std::uint8_t>(address.bits())};
}

/// What is wrong with the setup itself; empty if nothing is.
std::string fault_of(const ShadowSetup& setup) {
    if (setup.name.empty() || setup.name.size() >= IFNAMSIZ || setup.name == "." || setup.name == ".." ||
        setup.name.find_first_of("/: \t\n%") != std::string::npos)
        return "the shadow interface has no possible name";
    if (setup.route_table == 0 ||
        (setup.route_table >= RT_TABLE_DEFAULT && setup.route_table <= RT_TABLE_LOCAL))
        return "the shadow route table must not be one of the kernel's own (0, 253 to 255)";
    if (setup.rule_priority == 0 || setup.rule_priority >= 32766)
        return "the egress rules must stand before the main table: priority 1 to 32765";
    for (const auto& vip : setup.vips)
        if (vip.size() == 0)
            return "a VIP has no address";
    return {};
}

/// The work on one machine: what was seen at the start, what has been done since.
class Work {
public:
    static std::expected<Work, Error> begin(const ShadowSetup& setup) {
        if (const auto fault = fault_of(setup); !fault.empty())
            return std::unexpected(Error{EINVAL, fault});
        auto interfaces = list_interfaces();
        if (!interfaces)
            return std::unexpected(interfaces.error());
        auto rules = list_rules();
        if (!rules)
            return std::unexpected(rules.error());
        auto table = list_routes(setup.route_table);
        if (!table)
            return std::unexpected(table.error());
        auto link = kind_of_link(setup.name);
        if (!link)
            return std::unexpected(link.error());
        if (*link == LinkKind::other)
            return std::unexpected(
                Error{EEXIST, "interface " + setup.name +
                                  " exists and is no TUN: give the shadow interface another name"});
        auto socket = BatchSocket::open();
        if (!socket)
            return std::unexpected(socket.error());
        return Work(setup, std::move(*interfaces), std::move(*rules), std::move(*table), std::move(*socket));
    }

    Result set_up();
    Result clean_up();
    std::vector<std::string> take_words() { return std::move(words_); }

private:
    Work(const ShadowSetup& setup, std::vector<Interface> interfaces, std::vector<ObservedRule> rules,
         ObservedTable table, BatchSocket socket)
        : setup_(setup)
        , interfaces_(std::move(interfaces))
        , rules_(std::move(rules))
        , table_(std::move(table))
        , socket_(std::move(socket)) {}

    std::vector<Item> wanted() const;
    std::vector<Item> observed() const;
    bool is_ours(const ObservedRule& rule) const;

    Result put_route(wire::Family family, RouteKind kind);
    Result want(const std::string& key, int value);
    Result quieten_outside();
    Result want_shadow_interface();
    Result perform(const Operation& operation);
    Result remove_duplicate_rules();
    Result remove_rule(const wire::IpAddress& source);
    Result remove_address(const wire::Prefix& address, const Interface& interface);

    /// Sends one request; `words` says what it does, as "added ..." or "removed ...".
    template <typename Write>
    Result send(const std::string& words, Write write) {
        Batch batch;
        RequestWriter writer(batch);
        if (!write(writer))
            return std::unexpected(Error{EINVAL, "cannot ask the kernel: " + words});
        if (const int code = socket_.send(batch); code != 0)
            return std::unexpected(Error{code, "the kernel refused: " + words});
        words_.push_back(words);
        return {};
    }

    const ShadowSetup& setup_;
    std::vector<Interface> interfaces_;
    std::vector<ObservedRule> rules_;
    ObservedTable table_;
    BatchSocket socket_;
    int shadow_index_{0};
    std::vector<std::string> words_;
};

bool Work::is_ours(const ObservedRule& rule) const {
    return rule.table == setup_.route_table && rule.priority == setup_.rule_priority &&
           rule.source.address.size() != 0 && rule.source.length == rule.source.address.bits();
}

std::vector<Item> Work::wanted() const {
    const Interface* shadow = find(interfaces_, setup_.name);
    const int index = shadow == nullptr ? 0 : shadow->index;
    std::vector<Item> items;
    for (const auto& vip : setup_.vips) {
        items.push_back({Kind::egress_rule, vip, 0});
        items.push_back({Kind::vip_shadow, vip, index});
    }
    return items;
}

std::vector<Item> Work::observed() const {
    std::vector<Item> items;
    for (const auto& rule : rules_)
        if (is_ours(rule))
            items.push_back({Kind::egress_rule, rule.source.address, 0});
    for (const auto& interface : interfaces_) {
        const bool outside =
            std::ranges::find(setup_.outside_interfaces, interface.name) != setup_.outside_interfaces.end();
        for (const auto& address : interface.addresses) {
            if (interface.name == setup_.name && !is_link_local(address.address))
                items.push_back({Kind::vip_shadow, address.address, interface.index});
            else if (outside && is_vip(setup_, address.address))
                items.push_back({Kind::vip_outside, address.address, interface.index});
        }
    }
    return items;
}

Result Work::put_route(wire::Family family, RouteKind kind) {
    const bool blackhole = kind == RouteKind::blackhole;
    const DefaultRoute route{.family = family,
                             .table = setup_.route_table,
                             .metric = blackhole ? blackhole_metric : shadow_metric,
                             .kind = kind,
                             .interface_index = blackhole ? 0 : shadow_index_};
    const bool there = std::ranges::any_of(table_.defaults, [&](const DefaultRoute& seen) {
        return seen.family == family && seen.metric == route.metric && seen.kind == kind &&
               (blackhole || seen.interface_index == route.interface_index);
    });
    if (there)
        return {};
    return send("added " +
                    std::string(blackhole ? "the blackhole" : "the default route into " + setup_.name) +
                    (family == wire::Family::ipv4 ? " for IPv4" : " for IPv6") + " to route table " +
                    std::to_string(setup_.route_table),
                [&](RequestWriter& writer) { return writer.put_route(route); });
}

Result Work::want(const std::string& key, int value) {
    const auto setting = want_setting(key, value);
    if (!setting)
        return std::unexpected(setting.error());
    if (*setting == Setting::changed)
        words_.push_back("set " + display_name(key) + " to " + std::to_string(value));
    return {};
}

/// Before the shadow interface has a VIP: the kernel would answer ARP for it on every interface.
Result Work::quieten_outside() {
    for (const auto& name : setup_.outside_interfaces) {
        if (find(interfaces_, name) == nullptr)
            return std::unexpected(Error{ENODEV, "outside interface " + name + " does not exist"});
        const std::string prefix = "ipv4/conf/" + name;
        if (auto done = want(prefix + "/arp_ignore", 1); !done)
            return done;
        if (auto done = want(prefix + "/arp_announce", 2); !done)
            return done;
    }
    return {};
}

Result Work::want_shadow_interface() {
    const Interface* shadow = find(interfaces_, setup_.name);
    if (shadow == nullptr) {
        if (auto made = create_tun(setup_.name); !made)
            return made;
        words_.push_back("created the shadow interface " + setup_.name);
    }
    shadow_index_ = static_cast<int>(::if_nametoindex(setup_.name.c_str()));
    if (shadow_index_ == 0)
        return std::unexpected(Error{errno, "the shadow interface " + setup_.name + " disappeared"});

    // The kernel takes the greater of `all` and the interface's own value. Where `all` is strict, 0 here
    // would mean strict; 2 (loose) lets pass whatever source there is a route to.
    const int filter = read_setting("ipv4/conf/all/rp_filter").value_or(0) == 0 ? 0 : 2;
    if (auto done = want("ipv4/conf/" + setup_.name + "/rp_filter", filter); !done)
        return done;
    if (wants(setup_, wire::Family::ipv6)) {
        if (auto done = want("ipv6/conf/" + setup_.name + "/disable_ipv6", 0); !done)
            return done;
    }
    // No link-local address and no router solicitations on it: only what the shadow server sends comes out.
    if (const std::string key = "ipv6/conf/" + setup_.name + "/addr_gen_mode"; read_setting(key).has_value())
        if (auto done = want(key, 1); !done)
            return done;
    if (shadow != nullptr && shadow->up)
        return {};
    return send("put the shadow interface " + setup_.name + " up",
                [&](RequestWriter& writer) { return writer.set_link_up(shadow_index_); });
}

Result Work::remove_rule(const wire::IpAddress& source) {
    return send("removed the egress rule of " + source.to_string(), [&](RequestWriter& writer) {
        return writer.delete_rule(source, setup_.route_table, setup_.rule_priority);
    });
}

/// A rule that is there twice would stay when a takeover removes it once.
Result Work::remove_duplicate_rules() {
    std::vector<wire::IpAddress> seen;
    for (const auto& rule : rules_) {
        if (!is_ours(rule))
            continue;
        if (std::ranges::find(seen, rule.source.address) == seen.end())
            seen.push_back(rule.source.address);
        else if (auto done = remove_rule(rule.source.address); !done)
            return done;
    }
    return {};
}

Result Work::remove_address(const wire::Prefix& address, const Interface& interface) {
    return send("removed " + address.to_string() + " from " + interface.name,
                [&](RequestWriter& writer) { return writer.delete_address(address, interface.index); });
}

Result Work::perform(const Operation& operation) {
    const auto& address = operation.item.address;
    if (operation.item.kind == Kind::egress_rule) {
        if (operation.verb == Verb::remove)
            return remove_rule(address);
        return send("added the egress rule of " + address.to_string(), [&](RequestWriter& writer) {
            return writer.add_rule(address, setup_.route_table, setup_.rule_priority);
        });
    }
    if (operation.verb == Verb::add) // on the shadow interface: nothing is ever added outside here
        return send("added " + address.to_string() + " to " + setup_.name, [&](RequestWriter& writer) {
            const Lifetime lifetime{.preferred = address.is_v6() ? 0U : Lifetime::forever};
            return writer.put_address(host_prefix(address), shadow_index_, lifetime);
        });
    const auto interface = std::ranges::find(interfaces_, operation.item.interface_index, &Interface::index);
    if (interface == interfaces_.end())
        return {};
    for (const auto& seen : interface->addresses)
        if (seen.address == address)
            if (auto done = remove_address(seen, *interface); !done)
                return done;
    return {};
}

Result Work::set_up() {
    for (const auto family : {wire::Family::ipv4, wire::Family::ipv6})
        if (wants(setup_, family))
            if (auto done = put_route(family, RouteKind::blackhole); !done)
                return done;

    if (auto done = remove_duplicate_rules(); !done)
        return done;
    const auto operations = reconcile(wanted(), observed());
    const auto is_first_part = [](const Operation& o) {
        return o.item.kind == Kind::egress_rule ? o.verb == Verb::add : o.verb == Verb::remove;
    };
    const auto second_part = std::ranges::partition_point(operations, is_first_part);
    for (auto operation = operations.begin(); operation != second_part; ++operation)
        if (auto done = perform(*operation); !done)
            return done;
    if (auto done = quieten_outside(); !done)
        return done;
    if (auto done = want_shadow_interface(); !done)
        return done;
    for (auto operation = second_part; operation != operations.end(); ++operation)
        if (auto done = perform(*operation); !done)
            return done;
    for (const auto family : {wire::Family::ipv4, wire::Family::ipv6})
        if (wants(setup_, family))
            if (auto done = put_route(family, RouteKind::through_interface); !done)
                return done;
    return {};
}

/// Outside first, then the VIPs at all, and only then the rules that keep their traffic back.
Result Work::clean_up() {
    for (const auto& item : observed())
        if (item.kind == Kind::vip_outside)
            if (auto done = perform({Verb::remove, item}); !done)
                return done;
    if (const Interface* shadow = find(interfaces_, setup_.name); shadow != nullptr) {
        const int index = shadow->index;
        if (auto done = send("removed the shadow interface " + setup_.name,
                             [&](RequestWriter& writer) { return writer.delete_link(index); });
            !done)
            return done;
    }
    for (const auto& rule : rules_)
        if (is_ours(rule))
            if (auto done = remove_rule(rule.source.address); !done)
                return done;
    for (const auto& route : table_.defaults) {
        if (route.kind != RouteKind::blackhole || route.metric != blackhole_metric)
            continue; // the other one went with its interface
        if (auto done = send("removed the blackhole from route table " + std::to_string(setup_.route_table),
                             [&](RequestWriter& writer) { return writer.delete_route(route); });
            !done)
            return done;
    }
    return {};
}

using Words = std::expected<std::vector<std::string>, Error>;

Words carry_out(const ShadowSetup& setup, Result (Work::*task)()) {
    auto work = Work::begin(setup);
    if (!work)
        return std::unexpected(work.error());
    if (auto done = ((*work).*task)(); !done)
        return std::unexpected(done.error());
    return work->take_words();
}

} // namespace

Words set_up_shadow(const ShadowSetup& setup) {
    return carry_out(setup, &Work::set_up);
}

Words clean_up(const ShadowSetup& setup) {
    return carry_out(setup, &Work::clean_up);
}

} // namespace tandem::netlink
