// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From hundreds of faults to the few that matter.
//
// Problem: a person can follow three faults, not three hundred. Idea: delta debugging over the list of
// faults: leave out ever smaller parts of it as long as the same checker still complains; then make what is
// left shorter. Leaving out a fault changes what chance brings afterwards, so the result is another violation
// of the same promise, not always the same one. Deliberately absent: shrinking of the setting.

#include "tests/sim/run.hh"

namespace tandem::sim {

/// Options under which the seed still breaks the promise of `checker`, with as few faults as were found.
Options shrink(std::uint64_t seed, const Options& options, std::string_view checker);

} // namespace tandem::sim
