// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Reads a request pattern (pattern.hh). For pattern.cc only.

#include "dataplane/contract/pattern.hh"

#include <expected>
#include <string>
#include <string_view>

namespace tandem::contract {

class PatternParser {
public:
    explicit PatternParser(std::string_view text);
    std::expected<RequestPattern, std::string> run();

private:
    using Done = std::expected<void, std::string>;
    using Clause = RequestPattern::Clause;

    Done methods();
    Done item(bool excludes);
    Done clause();
    Done addresses(Clause& clause);
    Done header(Clause& clause);
    Done value(Clause& clause);
    Done quoted_value(Clause& clause);
    Done expression(Clause& clause);
    Done sample(Clause& clause);
    Done keep(std::string_view text, std::uint16_t& at, std::uint16_t& size);
    void settle_classes();

    void skip_blanks();
    /// Takes what stands before the next octet of `ends`.
    std::string_view take_until(std::string_view ends);

    std::string_view text_;
    std::string_view rest_;
    RequestPattern result_;
};

/// What is quoted from a pattern in an error: printable, cut to a sensible length.
std::string quoted_part(std::string_view text);

} // namespace tandem::contract
