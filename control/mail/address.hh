// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Mail addresses and host names, accepted strictly or refused. Pure.

#include <expected>
#include <string>
#include <string_view>

namespace tandem::mail {

/// `user@host` as it may stand in a command to a mail server: a dot-atom of printable ASCII and a host name
/// or an address literal. Nothing quoted, no display name, no comment. A sentence when it is none.
std::expected<void, std::string> check_address(std::string_view address);

/// The name that we call ourselves: letters, digits, "-", ".", or an address literal in brackets.
bool is_host_name(std::string_view name);

/// Where to connect to: a host name, or an address without brackets.
bool is_host(std::string_view name);

} // namespace tandem::mail
