// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as a configuration file.
#include "control/config/load.hh"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace tandem;

void require(bool holds) {
    if (!holds)
        std::abort();
}

/// What goes to a terminal: nothing that controls it.
void require_printable(const config::Problems& problems) {
    require(problems.size() <= 100);
    for (const auto& problem : problems) {
        const std::string text = problem.to_string();
        require(std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }));
        require(text.size() < 4096);
    }
}

/// What the rest of the program relies on.
void require_sound(const config::Config& config) {
    require(config.digest != 0);
    require(config.node.id == 1 || config.node.id == 2);
    require(config.fast_path_lease() < config.detection_time());
    require(config.fast_path_lease() >= 2 * config.pair.interval);
    require(!config.paths.empty() && config.paths.size() <= contract::paths_max);
    for (const auto& path : config.paths)
        require(path.local.size() > 0 && path.local.family == path.peer.family && path.local != path.peer);
    require(!config.groups.empty() && config.groups.size() <= contract::groups_max);
    std::size_t vips = 0;
    for (const auto& group : config.groups) {
        require(!group.name.empty() && group.name.size() <= 32);
        require(!group.interface.empty() && group.interface.size() < contract::interface_name_max);
        require(!group.vips.empty());
        vips += group.vips.size();
        require(!group.sip_ports.empty() && group.sip_ports.size() <= contract::sip_ports_max);
        require(std::ranges::find(group.sip_ports, 0) == group.sip_ports.end());
    }
    require(vips <= contract::vips_max);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto config = config::parse(text, "fuzz.toml");
    if (!config) {
        require(!config.error().empty());
        require_printable(config.error());
        return 0;
    }
    require_sound(*config);
    require_printable(config::check_against_host(*config, text, "fuzz.toml", {}, 4));
    return 0;
}
