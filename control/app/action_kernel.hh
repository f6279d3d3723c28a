// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Addresses for actions. Each waits for the kernel: not for a loop.

#include "dataplane/wire/address.hh"

#include <expected>
#include <string>

namespace tandem::app {

/// Idempotent and verified: a sentence of what was done, or of what is wrong.
std::expected<std::string, std::string> add_address(const std::string& interface,
                                                    const wire::Prefix& address);
std::expected<std::string, std::string> delete_address(const std::string& interface,
                                                       const wire::Prefix& address);

} // namespace tandem::app
