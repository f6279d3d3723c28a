// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What a node puts out, as one line of text: for tests that compare an order of outputs and for transcripts.
// The words are the enumerators; unlike the stable event names they tell the kinds of takeover apart.

#include "control/ha/output.hh"

#include <string>
#include <string_view>

namespace tandem::ha {

std::string_view word(Effect value);
std::string_view word(Event value);
std::string_view word(Refusal value);

/// "raise 3", "report took_over_gone", "answer 7 busy", "revoke".
std::string line(const Output& output);

} // namespace tandem::ha
