// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/address_filter.hh"

#include "control/https/rate.hh"

#include <algorithm>

namespace tandem::https {

std::expected<AddressFilter, std::string> AddressFilter::make(const config::Api& settings) {
    AddressFilter filter;
    filter.networks_ = settings.remote_access;
    if (!settings.remote_access_pattern.empty()) {
        auto pattern = match::TextTest::compile(settings.remote_access_pattern);
        if (!pattern)
            return std::unexpected(pattern.error());
        filter.pattern_ = std::move(*pattern);
    }
    return filter;
}

bool AddressFilter::admits(const wire::IpAddress& address) const {
    const wire::IpAddress plain = unmapped(address);
    const bool inside = networks_.empty() || std::ranges::any_of(networks_, [&](const wire::Prefix& network) {
                            return network.contains(plain);
                        });
    return inside && (!pattern_ || pattern_->matches(plain.to_string()));
}

} // namespace tandem::https
