// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The expressions of one policy, for one worker.

#include "dataplane/match/expression.hh"
#include "dataplane/path/text_matcher.hh"

#include <array>
#include <memory>
#include <optional>

struct hs_scratch;

namespace tandem::match {

class Matcher : public path::TextMatcher {
public:
    Matcher() = default;

    void adopt(const contract::Policy& policy) override;
    bool matches(std::size_t group, std::size_t clause, std::string_view text) noexcept override;

    /// Expressions of the present policy that could not be taken. The configuration was checked, so it is 0.
    std::size_t refused() const { return refused_; }

private:
    struct Free {
        void operator()(hs_scratch* scratch) const;
    };
    using PerClause = std::array<std::optional<Expression>, contract::RequestPattern::clauses_max>;

    std::array<contract::RequestPattern, contract::groups_max> patterns_{};
    std::array<PerClause, contract::groups_max> expressions_{};
    std::unique_ptr<hs_scratch, Free> scratch_; ///< room for the largest of them
    std::size_t refused_{0};
};

} // namespace tandem::match
