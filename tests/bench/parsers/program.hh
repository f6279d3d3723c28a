// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One program per parser: reads a file of messages, prints what the parser says of them, or what it takes.
//
//   PROGRAM fields PACK           a line of JSON for each message; `null`: the parser refuses it
//   PROGRAM time PACK SECONDS     one line of JSON: {"ns", "ticks", "messages", "accepted", "with"}
//
// A pack is a row of messages, each behind its length in 4 octets, lowest first. The time is that of all
// messages of the pack in turn, again and again, divided by their number: parse, reach the fields, and give
// back what was allocated for them. The first fifth of the time warms up and does not count.

#include "tests/bench/parsers/fields.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::bench {

/// One parser with whatever it keeps between messages.
class Parser {
public:
    virtual ~Parser() = default;
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    /// What is timed. `text`: a zero octet follows it. True: accepted.
    virtual bool parse(std::string_view text) = 0;
    /// The same with the answers; nothing: refused.
    virtual std::optional<Fields> read(std::string_view text) = 0;
    /// Says which variant this is: a version, a set of instructions.
    virtual std::string with() const = 0;

protected:
    Parser() = default;
};

/// The program's main function.
int run(int argc, char** argv, Parser& parser);

} // namespace tandem::bench
