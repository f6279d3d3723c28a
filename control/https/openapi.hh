// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The table of routes as an OpenAPI 3.0 document.

#include <boost/json/object.hpp>

namespace tandem::https {

boost::json::object openapi();

} // namespace tandem::https
