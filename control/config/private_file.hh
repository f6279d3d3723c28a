// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Files that keep a secret.

#include "control/config/load.hh"

#include <cstddef>
#include <expected>
#include <string>

namespace tandem::config {

/// At most so many octets of a regular file that belongs to root or this user and has mode 0600 or stricter.
std::expected<std::string, Problem> read_private_file(const std::string& file, std::size_t octets_max,
                                                      const std::string& how_to_make);

} // namespace tandem::config
