// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace tandem::app {

inline constexpr const char* version = TANDEM_VERSION;

} // namespace tandem::app
