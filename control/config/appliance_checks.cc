// SPDX-License-Identifier: GPL-3.0-or-later

// What one kind of engine needs and the other has no use for.

#include "control/config/checks.hh"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <system_error>

namespace tandem::config {
namespace {

using wire::IpAddress;

void check_backend_keys(const Draft& draft, Complaints& complaints) {
    const bool appliance = draft.config.engine.is_appliance();
    for (const auto& found : appliance ? draft.places.nfqueue_keys : draft.places.dpdk_keys)
        complaints.add(found.place,
                       "\"" + found.key + "\" belongs to backend = \"" +
                           (appliance ? "nfqueue\"" : "dpdk\" in [engine]"),
                       found.why + ": remove it" + (appliance ? "" : ", or write backend = \"dpdk\""));
}

/// What a virtual device's arguments say of `key`; nothing: they do not name it.
std::optional<std::string> argument_of(const std::string& device, std::string_view key) {
    const std::string sought = "," + std::string{key} + "=";
    const std::size_t at = device.find(sought);
    if (at == std::string::npos)
        return std::nullopt;
    const std::size_t begin = at + sought.size();
    return device.substr(begin, device.find(',', begin) - begin);
}

/// What DPDK knows a device by, without its arguments; a PCI address with its domain.
std::string name_of(const std::string& device) {
    const std::string name = device.substr(0, device.find(','));
    return std::ranges::count(name, ':') == 1 ? "0000:" + name : name;
}

/// Does it send and receive on an interface of the kernel?
bool uses_kernel_interface(const std::string& device) {
    return device.starts_with("net_af_packet") || device.starts_with("net_af_xdp");
}

void check_ports_of_engine(const Draft& draft, Complaints& complaints) {
    const Engine& engine = draft.config.engine;
    const auto& places = draft.places.engine;
    struct Port {
        const EnginePort& port;
        Places::PortPlaces places;
        const char* name;
    };
    std::vector<Port> ports{{engine.outside, places.outside, "outside"},
                            {engine.inside, places.inside, "inside"}};
    for (std::size_t i = 0; i < engine.ha.size(); ++i)
        ports.push_back({engine.ha[i].port, places.ha[i], "ha"});
    std::map<std::string, Place> devices;
    std::map<std::string, Place> below_devices;
    std::map<std::string, Place> interfaces;
    for (const Port& it : ports) {
        // A section that is there and has no device was complained of when it was read.
        if (it.port.device.empty() && it.port.kernel_interface.empty() &&
            it.places.device.line == places.section.line) {
            complaints.add(
                places.section, std::string{"[engine] has no [engine."} + it.name + "]",
                "backend = \"dpdk\" needs the ports [engine.outside] and [engine.inside], each with "
                "device and kernel_interface");
            continue;
        }
        const auto once = [&](std::map<std::string, Place>& seen, const std::string& text, Place place,
                              const char* what) {
            const auto [first, fresh] = seen.emplace(text, place);
            if (!fresh && !text.empty())
                complaints.add(place, std::string{what} + " " + quoted(text) + " is there twice",
                               "the first is at line " + std::to_string(first->second.line) +
                                   "; each port needs its own");
            return fresh;
        };
        const bool alone = once(devices, name_of(it.port.device), it.places.device, "device");
        if (const auto below = argument_of(it.port.device, "iface"); below && alone)
            once(below_devices, *below, it.places.device, "the device's interface");
        else if (!below && uses_kernel_interface(it.port.device))
            complaints.add(it.places.device, "the device does not say which interface it uses",
                           "\"" + it.port.device + ",iface=eth1\"");
        once(interfaces, it.port.kernel_interface, it.places.kernel_interface, "kernel interface");
    }
}

void check_queues(const Draft& draft, Complaints& complaints) {
    const Engine& engine = draft.config.engine;
    const auto& places = draft.places.engine;
    // The kernel spreads over all queues of a device on one of its interfaces.
    const auto look = [&](const EnginePort& port, Place place, std::size_t workers) {
        const std::string said = argument_of(port.device, "qpairs").value_or("1");
        std::size_t queues = 0;
        const auto [end, error] = std::from_chars(said.data(), said.data() + said.size(), queues);
        if (error != std::errc{} || end != said.data() + said.size() || queues == 0)
            complaints.add(place, "the device has " + quoted(said) + " queues",
                           "\"qpairs\" is a number, 1 or more");
        else if (queues > workers)
            complaints.add(place,
                           "the device has " + std::to_string(queues) + " queues for " +
                               std::to_string(workers) + (workers == 1 ? " worker" : " workers"),
                           "what comes in on the others would be lost: \"qpairs\" is at most the number of "
                           "\"cores\", and 1 for an HA port");
    };
    const std::size_t workers = std::max<std::size_t>(1, engine.cores.size());
    look(engine.outside, places.outside.device, workers);
    look(engine.inside, places.inside.device, workers);
    for (std::size_t i = 0; i < engine.ha.size(); ++i)
        look(engine.ha[i].port, places.ha[i].device, 1);
}

void check_ha_ports(const Draft& draft, Complaints& complaints) {
    std::map<std::string, Place> seen;
    for (std::size_t i = 0; i < draft.config.engine.ha.size(); ++i) {
        const std::string& name = draft.config.engine.ha[i].path;
        const Place place = draft.places.engine.ha_paths[i];
        if (name.empty())
            continue;
        if (std::ranges::find(draft.config.paths, name, &Path::name) == draft.config.paths.end())
            complaints.add(place, "there is no path " + quoted(name), "name one of the [[path]] sections");
        else if (const auto [first, fresh] = seen.emplace(name, place); !fresh)
            complaints.add(place, "path " + quoted(name) + " has two ports",
                           "the first is at line " + std::to_string(first->second.line));
    }
}

void check_servers(const Group& group, const Places::GroupPlaces& places, Complaints& complaints) {
    if (group.servers.empty()) {
        if (places.servers.line == places.section.line)
            complaints.add(
                places.section, "[[group]] has no \"servers\"",
                "behind an appliance: the address of the SIP server on the inside network, one for "
                "each family of the VIPs");
        return;
    }
    for (std::size_t i = 0; i < group.vips.size(); ++i)
        if (server_of(group, i).size() == 0)
            return complaints.add(
                places.servers, "there is no server for VIP " + group.vips[i].address.to_string(),
                "\"servers\" has one address for each family of the VIPs, or one for each VIP "
                "in their order");
    for (std::size_t j = 0; j < group.servers.size(); ++j) {
        bool used = false;
        for (std::size_t i = 0; i < group.vips.size(); ++i)
            used = used || server_of(group, i) == group.servers[j];
        if (!used && !group.vips.empty())
            complaints.add(places.server_list[j],
                           "server " + group.servers[j].to_string() + " is for no VIP of the group",
                           "\"servers\" has one address for each family of the VIPs, or one for each VIP in "
                           "their order");
    }
}

/// An address translated to must lead back to one VIP.
void check_translation(const Draft& draft, Complaints& complaints) {
    std::map<IpAddress, IpAddress> taken;
    for (std::size_t g = 0; g < draft.config.groups.size(); ++g) {
        const Group& group = draft.config.groups[g];
        for (std::size_t i = 0; i < group.vips.size(); ++i) {
            const IpAddress server = server_of(group, i);
            if (group.forwarding != contract::Forwarding::nat || server.size() == 0)
                continue;
            if (const auto [first, fresh] = taken.emplace(server, group.vips[i].address); !fresh)
                complaints.add(draft.places.groups[g].servers,
                               "server " + server.to_string() + " would stand for two VIPs, " +
                                   first->second.to_string() + " and " + group.vips[i].address.to_string(),
                               "with forwarding = \"nat\" each VIP needs a server address of its own");
        }
    }
}

void check_foreign(const Draft& draft, Complaints& complaints) {
    std::map<IpAddress, const char*> others;
    for (const Path& path : draft.config.paths) {
        others.emplace(path.local, "an address of an HA path");
        others.emplace(path.peer, "an address of an HA path");
    }
    for (const Group& group : draft.config.groups)
        for (const auto& vip : group.vips)
            others.emplace(vip.address, "a VIP");
    for (std::size_t g = 0; g < draft.config.groups.size(); ++g) {
        const auto& places = draft.places.groups[g];
        const Group& group = draft.config.groups[g];
        const auto look = [&](const IpAddress& address, Place place, const char* what) {
            if (const auto other = others.find(address); other != others.end())
                complaints.add(place, std::string{what} + " " + address.to_string() + " is " + other->second,
                               "use an address of the inside network that nothing else has");
        };
        for (std::size_t i = 0; i < group.servers.size(); ++i)
            look(group.servers[i], places.server_list[i], "server");
        for (std::size_t i = 0; i < group.inside_vips.size(); ++i) {
            const IpAddress& vip = group.inside_vips[i].address;
            look(vip, places.inside_vips[i], "inside VIP");
            for (const Group& any : draft.config.groups)
                if (std::ranges::find(any.servers, vip) != any.servers.end())
                    complaints.add(places.inside_vips[i], "inside VIP " + vip.to_string() + " is a server",
                                   "it is the server's gateway, which the active node has");
            others.emplace(vip, "an inside VIP");
        }
    }
}

} // namespace

wire::IpAddress server_of(const Group& group, std::size_t vip) {
    const auto family = group.vips.at(vip).address.family;
    const auto of_family = [&](const IpAddress& server) { return server.family == family; };
    if (std::ranges::count_if(group.servers, of_family) == 1)
        return *std::ranges::find_if(group.servers, of_family);
    if (group.servers.size() == group.vips.size() && of_family(group.servers[vip]))
        return group.servers[vip];
    return {};
}

void check_appliance(const Draft& draft, Complaints& complaints) {
    check_backend_keys(draft, complaints);
    if (!draft.config.engine.is_appliance())
        return;
    check_ports_of_engine(draft, complaints);
    check_queues(draft, complaints);
    check_ha_ports(draft, complaints);
    const std::string& outside = draft.config.engine.outside.kernel_interface;
    for (std::size_t i = 0; i < draft.config.groups.size(); ++i) {
        const Group& group = draft.config.groups[i];
        const auto& places = draft.places.groups[i];
        if (!outside.empty() && !group.interface.empty() && group.interface != outside)
            complaints.add(places.interface, "the group's interface is not the outside port's",
                           "write interface = \"" + outside + "\", the kernel_interface of [engine.outside]");
        if (!places.forwarding)
            complaints.add(places.section, "[[group]] has no \"forwarding\"",
                           "with backend = \"dpdk\": \"transparent\" where the SIP server has the VIP as an "
                           "address, \"nat\" where it does not");
        check_servers(group, places, complaints);
    }
    check_translation(draft, complaints);
    check_foreign(draft, complaints);
}

std::string how_to_make(const Config& config, const std::string& interface) {
    const Engine& engine = config.engine;
    bool ours = engine.is_appliance() &&
                (interface == engine.outside.kernel_interface || interface == engine.inside.kernel_interface);
    for (const EngineHaPort& ha : engine.ha)
        ours = ours || interface == ha.port.kernel_interface;
    if (!ours)
        return {};
    return "make the TAP behind the port: ip tuntap add " + interface + " mode tap; ip link set " +
           interface + " address MAC-OF-THE-PORT up; and give it this node's own addresses";
}

void check_appliance_against_host(const Config& config, const Places& places,
                                  const std::vector<HostInterface>& interfaces, std::size_t cores,
                                  Complaints& complaints) {
    if (!config.engine.is_appliance())
        return;
    for (std::size_t i = 0; i < config.engine.cores.size() && i < places.engine.cores.size(); ++i)
        if (config.engine.cores[i] >= cores)
            complaints.add(places.engine.cores[i],
                           "this machine has no core " + std::to_string(config.engine.cores[i]),
                           cores == 1 ? "it has one, number 0"
                                      : "it has " + std::to_string(cores) + ", numbers 0 to " +
                                            std::to_string(cores - 1));
    const auto find = [&](const std::string& name) {
        const auto found = std::ranges::find(interfaces, name, &HostInterface::name);
        return found == interfaces.end() ? nullptr : &*found;
    };
    const auto want = [&](const EnginePort& port, Place place) {
        if (find(port.kernel_interface) == nullptr)
            complaints.add(place, "this machine has no interface " + quoted(port.kernel_interface),
                           how_to_make(config, port.kernel_interface));
    };
    want(config.engine.outside, places.engine.outside.kernel_interface);
    want(config.engine.inside, places.engine.inside.kernel_interface);
    for (std::size_t i = 0; i < config.engine.ha.size() && i < places.engine.ha.size(); ++i)
        want(config.engine.ha[i].port, places.engine.ha[i].kernel_interface);
    const HostInterface* inside = find(config.engine.inside.kernel_interface);
    if (inside == nullptr)
        return;
    for (std::size_t g = 0; g < config.groups.size() && g < places.groups.size(); ++g) {
        const Group& group = config.groups[g];
        const auto is_inside_vip = [&](const IpAddress& address) {
            return std::ranges::any_of(group.inside_vips,
                                       [&](const wire::Prefix& vip) { return vip.address == address; });
        };
        const auto on_link = [&](const IpAddress& address, Place place, const char* what) {
            for (const auto& network : inside->networks)
                if (!is_inside_vip(network.address) && network.contains(address))
                    return;
            complaints.add(place,
                           std::string{what} + " " + address.to_string() +
                               " is outside the networks of interface " + quoted(inside->name),
                           "give the interface an address of the inside network; see ip address");
        };
        for (std::size_t i = 0; i < group.servers.size(); ++i)
            on_link(group.servers[i], places.groups[g].server_list[i], "server");
        for (std::size_t i = 0; i < group.inside_vips.size(); ++i)
            on_link(group.inside_vips[i].address, places.groups[g].inside_vips[i], "inside VIP");
    }
}

} // namespace tandem::config
