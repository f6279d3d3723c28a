// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/disagreement.hh"

#include "control/status/reader.hh"

#include <algorithm>

namespace tandem::status {
namespace {

namespace json = boost::json;

/// As status.cc has it.
constexpr std::string_view clear_way = "port, in clear";

/// Both views and how people call the two nodes.
struct Views {
    const json::value& self;
    const json::value& peer;
    std::string self_name;
    std::string peer_name;
};

std::string name_of(const json::value& node, std::string_view otherwise) {
    std::string name = text_of(look(node, {"node", "name"}));
    return name.empty() ? std::string{otherwise} : name;
}

bool is_active(const json::value& group) {
    return text_of(look(group, {"role"})) == "active";
}

std::size_t vips_outside(const json::value& group) {
    return static_cast<std::size_t>(
        std::ranges::count_if(array_of(look(group, {"vips"})),
                              [](const json::value& vip) { return is_true(look(vip, {"on_outside"})); }));
}

std::vector<std::string> addresses(const json::value& group) {
    std::vector<std::string> result;
    for (const auto& vip : array_of(look(group, {"vips"})))
        result.push_back(text_of(look(vip, {"address"})));
    std::ranges::sort(result);
    return result;
}

/// A node that is active must have its VIPs outside, one that is not must not.
void placement(const std::string& node, const json::value& group, std::vector<std::string>& out) {
    const std::string name = text_of(look(group, {"name"}));
    const std::size_t outside = vips_outside(group);
    const std::size_t all = array_of(look(group, {"vips"})).size();
    if (is_active(group) && outside < all)
        out.push_back("group " + name + ": " + node + " is active, but " + std::to_string(all - outside) +
                      " of its " + std::to_string(all) + " VIPs are not on its outside interface");
    if (!is_active(group) && outside > 0)
        out.push_back("group " + name + ": " + node + " is not active, but has " + std::to_string(outside) +
                      " of " + std::to_string(all) + " VIPs on its outside interface");
}

void roles(const Views& views, const json::value& a, const json::value& b, std::vector<std::string>& out) {
    const std::string group = "group " + text_of(look(a, {"name"})) + ": ";
    if (is_active(a) && is_active(b))
        out.push_back(group + "both nodes say that they are active");
    if (!is_active(a) && !is_active(b))
        out.push_back(group + "no node is active: the VIPs are not served");
    for (const auto& address : addresses(a)) {
        const auto outside = [&](const json::value& side) {
            return std::ranges::any_of(array_of(look(side, {"vips"})), [&](const json::value& vip) {
                return text_of(look(vip, {"address"})) == address && is_true(look(vip, {"on_outside"}));
            });
        };
        if (outside(a) && outside(b))
            out.push_back(group + "both nodes have " + address + " on their outside interface");
    }
    const auto epoch_a = count_of(look(a, {"epoch"}));
    const auto epoch_b = count_of(look(b, {"epoch"}));
    if (epoch_a && epoch_b && *epoch_a != *epoch_b)
        out.push_back(group + views.self_name + " is at epoch " + std::to_string(*epoch_a) + ", " +
                      views.peer_name + " at " + std::to_string(*epoch_b));
}

void settings(const json::value& a, const json::value& b, std::vector<std::string>& out) {
    const std::string group = "group " + text_of(look(a, {"name"})) + ": ";
    if (addresses(a) != addresses(b))
        out.push_back(group + "the two files list different VIPs");
    if (look(a, {"mirroring"}) != look(b, {"mirroring"}))
        out.push_back(group + "mirroring is on in one file and off in the other");
    else if (look(a, {"pattern"}) != look(b, {"pattern"}))
        out.push_back(group + "the request patterns differ");
    if (look(a, {"failback", "policy"}) != look(b, {"failback", "policy"}))
        out.push_back(group + "the failback policies differ");
    if (look(a, {"hysteresis"}) != look(b, {"hysteresis"}))
        out.push_back(group + "\"hysteresis\" differs between the two files");
    const std::string role_a = text_of(look(a, {"configured_role"}));
    if (role_a == "primary" && text_of(look(b, {"configured_role"})) == "primary")
        out.push_back(group + "both nodes are configured as primary");
}

/// `out`: what the nodes do; `drift`: what their files say.
void groups(const Views& views, std::vector<std::string>& out, std::vector<std::string>& drift) {
    const auto& mine = look(views.self, {"groups"});
    const auto& theirs = look(views.peer, {"groups"});
    for (const auto& a : array_of(mine)) {
        const std::string name = text_of(look(a, {"name"}));
        const json::value& b = named(theirs, name);
        if (b.is_null()) {
            drift.push_back("group " + name + " is only known to " + views.self_name);
            continue;
        }
        roles(views, a, b, out);
        placement(views.self_name, a, out);
        placement(views.peer_name, b, out);
        settings(a, b, drift);
    }
    for (const auto& b : array_of(theirs)) {
        const std::string name = text_of(look(b, {"name"}));
        if (named(mine, name).is_null())
            drift.push_back("group " + name + " is only known to " + views.peer_name);
    }
}

void link(const Views& views, std::vector<std::string>& out, std::vector<std::string>& drift) {
    const std::string of_self = text_of(look(views.self, {"peer", "state"}));
    const std::string of_peer = text_of(look(views.peer, {"peer", "state"}));
    if (of_self != of_peer)
        out.push_back(views.self_name + " says that " + views.peer_name + " is " + of_self + ", " +
                      views.peer_name + " says that " + views.self_name + " is " + of_peer);
    for (const auto& mine : array_of(look(views.self, {"paths"}))) {
        for (const auto& theirs : array_of(look(views.peer, {"paths"}))) {
            const bool same = text_of(look(mine, {"local"})) == text_of(look(theirs, {"peer"})) &&
                              text_of(look(mine, {"peer"})) == text_of(look(theirs, {"local"}));
            const std::string state_a = text_of(look(mine, {"state"}));
            const std::string state_b = text_of(look(theirs, {"state"}));
            if (same && state_a != state_b)
                out.push_back("path " + text_of(look(mine, {"name"})) + ": " + state_a + " seen from " +
                              views.self_name + ", " + state_b + " seen from " + views.peer_name +
                              ": it may work in one direction only");
            const bool clear_a = text_of(look(mine, {"mirror"})) == clear_way;
            const bool clear_b = text_of(look(theirs, {"mirror"})) == clear_way;
            if (same && clear_a != clear_b)
                drift.push_back("path " + text_of(look(mine, {"name"})) + ": " +
                                (clear_a ? views.self_name : views.peer_name) +
                                " sends the mirror in clear, " +
                                (clear_a ? views.peer_name : views.self_name) +
                                " seals it and refuses what comes in clear: \"mirror\" of [[engine.ha]] must "
                                "say the same in both files");
        }
    }
}

void pair(const Views& views, std::vector<std::string>& drift) {
    if (look(views.self, {"node", "id"}) == look(views.peer, {"node", "id"}))
        drift.push_back("both nodes have the same id: give one 1 and the other 2");
    if (look(views.self, {"pair"}) != look(views.peer, {"pair"}))
        drift.push_back("the nodes belong to different pairs");
    for (const std::string_view key : {"interval_ms", "multiplier"}) {
        if (number_of(look(views.self, {"detection", key})) !=
            number_of(look(views.peer, {"detection", key})))
            drift.push_back("\"" + std::string{key} + "\" differs between the two files");
    }
    // The digest covers all that both must agree on; it is worth a line when nothing above says what it is.
    if (drift.empty() &&
        text_of(look(views.self, {"config_digest"})) != text_of(look(views.peer, {"config_digest"})))
        drift.push_back("the two files differ in something that both nodes must agree on");
    const std::string version_a = text_of(look(views.self, {"version"}));
    const std::string version_b = text_of(look(views.peer, {"version"}));
    if (version_a != version_b)
        drift.push_back(views.self_name + " runs version " + version_a + ", " + views.peer_name + " " +
                        version_b);
}

} // namespace

std::vector<std::string> disagreements(const json::value& self, const json::value& peer) {
    std::vector<std::string> out;
    const std::string self_name = name_of(self, "this node");
    if (!peer.is_object()) {
        for (const auto& group : array_of(look(self, {"groups"})))
            placement(self_name, group, out);
        return out;
    }
    const Views views{self, peer, self_name, name_of(peer, "the peer")};
    std::vector<std::string> drift;
    groups(views, out, drift);
    link(views, out, drift);
    pair(views, drift);
    out.insert(out.end(), drift.begin(), drift.end());
    return out;
}

} // namespace tandem::status
