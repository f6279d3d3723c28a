// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Which addresses may speak at all: networks, and an expression for those who bring one along. Both hold.

#include "control/config/api_settings.hh"
#include "dataplane/match/text_test.hh"

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace tandem::https {

class AddressFilter {
public:
    /// A sentence when the expression cannot be taken.
    static std::expected<AddressFilter, std::string> make(const config::Api& settings);
    bool admits(const wire::IpAddress& address) const;

private:
    std::vector<wire::Prefix> networks_;
    std::optional<match::TextTest> pattern_;
};

} // namespace tandem::https
