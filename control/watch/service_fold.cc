// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/service_fold.hh"

namespace tandem::watch {

void ServiceFold::fail(ServiceSource source, ha::Instant since, ha::Duration patience) {
    failures_[static_cast<std::size_t>(source)] = Failure{since, patience};
}

void ServiceFold::work(ServiceSource source) {
    failures_[static_cast<std::size_t>(source)].reset();
}

bool ServiceFold::is_failed(ServiceSource source) const {
    return failures_[static_cast<std::size_t>(source)].has_value();
}

std::optional<ha::Service> ServiceFold::next() {
    const Failure* first = nullptr;
    for (const auto& failure : failures_)
        if (failure &&
            (first == nullptr || failure->since + failure->patience < first->since + first->patience))
            first = &*failure;
    const ha::Service now =
        first == nullptr ? ha::Service{}
                         : ha::Service{.working = false, .since = first->since, .patience = first->patience};
    if (now.working == told_.working && now.since == told_.since && now.patience == told_.patience)
        return std::nullopt;
    told_ = now;
    return now;
}

} // namespace tandem::watch
