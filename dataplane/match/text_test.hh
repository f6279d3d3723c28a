// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One regular expression that a whole text must match, from its first character to its last.
//
// Problem: `10\.0\.0\.1` found anywhere in a text also lets 110.0.0.15 in. Idea: the expression is anchored
// at both ends. What it may cost is bounded as in expression.hh, and the search takes linear time.

#include "dataplane/match/expression.hh"

#include <expected>
#include <memory>
#include <string>
#include <string_view>

struct hs_scratch;

namespace tandem::match {

class TextTest {
public:
    /// Compiles. The error is a sentence that says what is wrong with the expression.
    static std::expected<TextTest, std::string> compile(std::string_view expression);

    /// One thread at a time. A text that cannot be searched does not match.
    bool matches(std::string_view text) const noexcept;

private:
    struct Free {
        void operator()(hs_scratch* scratch) const;
    };
    TextTest(Expression expression, hs_scratch* scratch)
        : expression_(std::move(expression))
        , scratch_(scratch) {}
    Expression expression_;
    std::unique_ptr<hs_scratch, Free> scratch_;
};

} // namespace tandem::match
