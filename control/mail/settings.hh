// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How letters are sent. A value: whoever has it keeps a copy.

#include "control/courier/request.hh"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tandem::mail {

struct Settings {
    std::string folder; ///< of the letters that wait
    courier::MailServer server;
    std::optional<courier::MailServer> pop; ///< POP-before-SMTP
    std::string hello;
    std::string from;
    std::vector<std::string> to; ///< of letters that name nobody
    std::chrono::milliseconds timeout{60'000};
    std::chrono::hours give_up{48};
    /// More letters than this to the same recipients within the window become one.
    std::size_t digest_after{5};
    std::chrono::seconds digest_window{60};
    std::size_t letters_max{1000};
    std::size_t octets_max{16UL * 1024 * 1024};
};

} // namespace tandem::mail
