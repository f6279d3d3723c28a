// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Where the views of the two nodes do not fit together, in words.
//
// Each node's status is true of that node only. Two actives, nobody active, a path that is up in one
// direction, configurations that have drifted apart show only when both are held side by side.

#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace tandem::status {

/// Sentences, the gravest first. Both are NodeStatus in JSON form; with `peer` null there is nothing to
/// compare but what one node says of itself.
std::vector<std::string> disagreements(const boost::json::value& self, const boost::json::value& peer);

} // namespace tandem::status
