// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What must hold, each as a class of its own that only looks.
//
// A checker is asked after every event of the world. It keeps the instants that it needs and answers with a
// sentence once its promise is broken. Safety: something happened that never may. Liveness: something did not
// happen in time.

#include "tests/sim/world.hh"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::sim {

enum class Promise : std::uint8_t { safety, liveness };

class Checker {
public:
    virtual ~Checker() = default;
    virtual std::string_view name() const = 0;
    virtual Promise promise() const = 0;
    virtual std::optional<std::string> look(const World& world) = 0;
};

/// One of each.
std::vector<std::unique_ptr<Checker>> all_checkers();

} // namespace tandem::sim
