// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Counts what this thread allocates: for code that promises not to.

#include <cstddef>

namespace tandem::testing {

class Allocations {
public:
    /// Counting begins here and ends with `stop`, which gives the number.
    Allocations();
    std::size_t stop();
};

} // namespace tandem::testing
