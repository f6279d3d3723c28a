// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Several monitors can say that nothing is served from here; the role engine hears one word.
//
// Idea: of all that say so, the one whose patience ends first speaks. Deliberately absent: time.

#include "control/ha/input.hh"

#include <array>
#include <cstddef>
#include <optional>

namespace tandem::watch {

enum class ServiceSource : std::uint8_t { listener, process, traffic };
inline constexpr std::size_t service_sources = 3;

class ServiceFold {
public:
    /// Nothing is served since `since`; `patience` is positive.
    void fail(ServiceSource source, ha::Instant since, ha::Duration patience);
    void work(ServiceSource source);
    bool is_failed(ServiceSource source) const;
    /// What is to be told: nothing when it is what was told last.
    std::optional<ha::Service> next();

private:
    struct Failure {
        ha::Instant since{};
        ha::Duration patience{};
    };
    std::array<std::optional<Failure>, service_sources> failures_{};
    ha::Service told_{};
};

} // namespace tandem::watch
