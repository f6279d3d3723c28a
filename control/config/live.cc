// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/live.hh"

#include <algorithm>

namespace tandem::config {
namespace {

/// The group as it would be if only what can change at any time were taken over.
Group with_live_parts(const Group& running, const Group& wanted) {
    Group out = running;
    out.checks = wanted.checks;
    return out;
}

void compare_group(const Group& running, const Group& wanted, std::vector<std::string>& out) {
    const std::string name = "[[group]] " + running.name;
    const std::size_t before = out.size();
    const auto compare = [&](const char* what, bool same) {
        if (!same)
            out.push_back(name + ": " + what);
    };
    compare("role", running.role == wanted.role);
    compare("priority", running.priority == wanted.priority);
    compare("interface", running.interface == wanted.interface);
    compare("vips", running.vips == wanted.vips);
    compare("sip_ports", running.sip_ports == wanted.sip_ports);
    compare("mirror",
            running.mirroring == wanted.mirroring && running.request_pattern == wanted.request_pattern);
    compare("forwarding", running.forwarding == wanted.forwarding);
    compare("servers", running.servers == wanted.servers);
    compare("inside_vips", running.inside_vips == wanted.inside_vips);
    compare("watch", running.watch == wanted.watch);
    compare("failback", running.failback == wanted.failback);
    // Whatever has no name of its own above must not pass for a change that is taken up.
    if (out.size() == before && with_live_parts(running, wanted) != wanted)
        out.push_back(name);
}

/// In both, in the same order, or said to be gone or new.
template <typename Part, typename Compare>
void compare_lists(const std::string& kind, const std::vector<Part>& running, const std::vector<Part>& wanted,
                   std::vector<std::string>& out, const Compare& compare) {
    const auto has = [](const std::vector<Part>& list, const std::string& name) {
        return std::ranges::find(list, name, &Part::name) != list.end();
    };
    for (const Part& part : running)
        if (!has(wanted, part.name))
            out.push_back(kind + " " + part.name + " is gone");
    for (const Part& part : wanted) {
        const auto before = std::ranges::find(running, part.name, &Part::name);
        if (before == running.end())
            out.push_back(kind + " " + part.name + " is new");
        else
            compare(*before, part);
    }
}

} // namespace

std::vector<std::string> restart_needed(const Config& running, const Config& wanted) {
    std::vector<std::string> out;
    const auto compare = [&](const char* what, bool same) {
        if (!same)
            out.emplace_back(what);
    };
    compare("[node]", running.node == wanted.node);
    compare("[pair]", running.pair == wanted.pair);
    compare_lists("[[path]]", running.paths, wanted.paths, out, [&](const Path& a, const Path& b) {
        if (a != b)
            out.push_back("[[path]] " + a.name);
    });
    compare_lists("[[group]]", running.groups, wanted.groups, out,
                  [&](const Group& a, const Group& b) { compare_group(a, b, out); });
    if (out.empty())
        compare("the order of [[path]] or [[group]]",
                std::ranges::equal(running.paths, wanted.paths, {}, &Path::name, &Path::name) &&
                    std::ranges::equal(running.groups, wanted.groups, {}, &Group::name, &Group::name));
    compare("[engine]", running.engine == wanted.engine);
    compare("[capture]", running.capture == wanted.capture);
    compare("[log]", running.log == wanted.log);
    const auto gateway = [](const Config& config) { return config.api ? config.api->user : std::string{}; };
    compare("[api] user", gateway(running) == gateway(wanted));
    return out;
}

} // namespace tandem::config
