// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One regular expression, compiled when the configuration is read.
//
// Problem: whoever writes the configuration may write an expression that takes minutes to compile, gigabytes
// to keep, or exponential time to match. Idea: Hyperscan, which matches in linear time whatever the text, and
// bounds on everything ahead of it: length, repetitions, size of what comes out. Deliberately absent:
// captures, back references, look-around (Hyperscan has none, and says so).

#include "dataplane/contract/pattern.hh"

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

struct hs_database;

namespace tandem::match {

class Expression {
public:
    /// Repetitions that are counted, multiplied where they are nested: `(a{30}){30}` has 900.
    static constexpr std::size_t repeats_max = 1000;
    static constexpr std::size_t octets_max = 1U << 20U; ///< of a compiled expression

    /// Compiles. The error is a sentence that says what is wrong with it.
    static std::expected<Expression, std::string> compile(std::string_view text, contract::Letters letters);

    const hs_database* database() const { return database_.get(); }

private:
    struct Free {
        void operator()(hs_database* database) const;
    };
    explicit Expression(hs_database* database)
        : database_(database) {}
    std::unique_ptr<hs_database, Free> database_;
};

/// Everything that is wrong with the expressions of a pattern; nothing: all can be compiled.
std::expected<void, std::string> check_expressions(const contract::RequestPattern& pattern);

} // namespace tandem::match
