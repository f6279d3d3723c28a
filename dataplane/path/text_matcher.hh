// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Regular expressions, as the packet path sees them: numbered ones that can be asked.

#include "dataplane/contract/policy.hh"

#include <cstddef>
#include <string_view>

namespace tandem::path {

/// One worker's; asked without allocating.
class TextMatcher {
public:
    virtual ~TextMatcher() = default;
    /// Takes the expressions of a policy. Called when the policy has changed; may allocate.
    virtual void adopt(const contract::Policy& policy) = 0;
    /// Does the expression of this clause of this group's pattern match somewhere in the text? An expression
    /// that could not be taken matches everything: rather mirrored than lost.
    virtual bool matches(std::size_t group, std::size_t clause, std::string_view text) noexcept = 0;
};

} // namespace tandem::path
