// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/action_world.hh"

namespace tandem::app::test {

std::string launcher() {
    return TANDEM_RUN;
}

} // namespace tandem::app::test
