// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/refusals.hh"

namespace tandem::https {

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
    case Refusal::address_filter:
        return "address_filter";
    case Refusal::too_many_connections:
        return "too_many_connections";
    case Refusal::connection_rate:
        return "connection_rate";
    case Refusal::handshake:
        return "handshake";
    case Refusal::too_slow:
        return "too_slow";
    case Refusal::malformed:
        return "malformed";
    case Refusal::too_large:
        return "too_large";
    case Refusal::request_rate:
        return "request_rate";
    case Refusal::no_credentials:
        return "no_credentials";
    case Refusal::wrong_credentials:
        return "wrong_credentials";
    case Refusal::scope:
        return "scope";
    case Refusal::not_served:
        return "not_served";
    case Refusal::brain_away:
        return "brain_away";
    case Refusal::brain_refused:
        return "brain_refused";
    }
    return "?";
}

void Refusals::forget_old(ha::Instant now) {
    std::erase_if(told_, [now](const auto& entry) { return now - entry.second.at >= interval; });
}

void Refusals::add(const wire::IpAddress& address, Refusal refusal, ha::Instant now) {
    ++counts_[static_cast<std::size_t>(refusal)];
    const Key key{address, refusal};
    auto found = told_.find(key);
    if (found == told_.end()) {
        if (told_.size() >= pairs_max)
            forget_old(now);
        if (told_.size() >= pairs_max) {
            ++others_.untold;
            if (others_told_ && now - others_.at < interval)
                return;
            tell_("refused others: " + std::to_string(others_.untold) + " more from many addresses");
            others_ = {now, 0};
            others_told_ = true;
            return;
        }
        told_.emplace(key, Told{now, 0});
        return tell_("refused " + address.to_string() + ": " + std::string{to_string(refusal)});
    }
    ++found->second.untold;
    if (now - found->second.at < interval)
        return;
    tell_("refused " + address.to_string() + ": " + std::string{to_string(refusal)} + ", " +
          std::to_string(found->second.untold) + " since it was told last");
    found->second = {now, 0};
}

} // namespace tandem::https
