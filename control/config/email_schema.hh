// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[email]`, read and checked.

#include "control/config/load.hh"
#include "control/config/section.hh"

#include <expected>
#include <string>
#include <vector>

namespace tandem::config {

EmailSettings read_email(Section section);

/// The password of the login; empty when there is none to be had because nothing logs in. Reads the file, so
/// it may wait.
std::expected<std::string, Problem> read_password(const EmailSettings& email);

/// What is permitted but deserves a second look.
std::vector<std::string> mail_advice(const EmailSettings& email);

} // namespace tandem::config
