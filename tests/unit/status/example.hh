// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "control/status/status.hh"

namespace tandem::status {

/// A healthy pair: sip-a is active, sip-b is standby.
NodeStatus active_node();
NodeStatus standby_node();

} // namespace tandem::status
