// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[snmp]`, read and checked.

#include "control/config/load.hh"
#include "control/config/section.hh"

#include <expected>
#include <string>
#include <vector>

namespace tandem::config {

SnmpSettings read_snmp(Section section, Complaints& complaints);

/// The words of one receiver, as they are now.
struct SnmpWords {
    std::string community;
    std::string authentication;
    std::string privacy;
};

/// Reads files, so it may wait. What is wrong is told without any of the words.
std::expected<SnmpWords, Problem> read_words(const SnmpReceiver& receiver);

/// What is permitted but deserves a second look.
std::vector<std::string> snmp_advice(const SnmpSettings& snmp);

} // namespace tandem::config
