// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the operator gets to see: results on standard output, reasons on standard error; with --json both as
// JSON on standard output.

#include "control/api/message.hh"
#include "tools/tandemctl/options.hh"

#include <boost/json/value.hpp>

#include <string>

namespace tandem::ctl {

void print(const std::string& text);
void print_json(const boost::json::value& value);

/// One more line for people about what went wrong.
void complain(const std::string& line);
/// `tandemctl: what`, or {"error": ...}.
Exit refuse(Form form, const api::Error& error);
Exit misuse(Form form, const std::string& what);

} // namespace tandem::ctl
