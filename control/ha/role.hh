// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The words for what a group is on a node.

#include <cstdint>
#include <string_view>

namespace tandem::ha {

/// What a group is on this node now. The numbers stand on the wire.
enum class Role : std::uint8_t {
    init = 0, ///< just started: listens before it decides
    standby = 1,
    active = 2,
    fault = 3,    ///< alive, but unfit to serve
    disabled = 4, ///< taken out by an operator
};

/// Which node should hold the group when all is well.
enum class ConfiguredRole : std::uint8_t { secondary, primary };

constexpr std::string_view to_string(Role role) {
    switch (role) {
    case Role::init:
        return "init";
    case Role::standby:
        return "standby";
    case Role::active:
        return "active";
    case Role::fault:
        return "fault";
    case Role::disabled:
        return "disabled";
    }
    return "unknown";
}

constexpr std::string_view to_string(ConfiguredRole role) {
    return role == ConfiguredRole::primary ? "primary" : "secondary";
}

} // namespace tandem::ha
