// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/shared_tracker.hh"

namespace tandem::state {
namespace {

template <typename Name>
void show(contract::TableHeader& header, Name name, std::uint64_t value) {
    header.counts[static_cast<std::size_t>(name)].store(value, std::memory_order_relaxed);
}

template <typename Table>
void show_size(contract::TableHeader& header, const Table& table) {
    header.reach.store(table.reach(), std::memory_order_relaxed);
    header.used.store(table.size(), std::memory_order_relaxed);
}

} // namespace

contract::TableShape shape_of(const Registrations::Limits& limits) {
    return {contract::TableKind::registrations, sizeof(Registrations::Binding), Registrations::octets(limits),
            limits.bindings, limits.chunks};
}

contract::TableShape shape_of(const Dialogs::Limits& limits) {
    return {contract::TableKind::dialogs, sizeof(Dialogs::Dialog), Dialogs::octets(limits), limits.dialogs,
            limits.chunks};
}

contract::TableWriter SharedTracker::make(const std::string& run_dir, const contract::TableShape& shape,
                                          const contract::RecordSetup& setup) {
    auto file = contract::TableWriter::create(run_dir, shape);
    if (file) {
        file->header().group_names = setup.group_names;
        const auto published = file->publish();
        if (published)
            return std::move(*file);
        complaints_.push_back(published.error());
    } else {
        complaints_.push_back(file.error());
    }
    return contract::TableWriter::unshared(shape);
}

SharedTracker::SharedTracker(const std::string& run_dir, const contract::RecordSetup& setup,
                             std::uint64_t seed) {
    const Tracker::Limits limits = Tracker::limits_for(setup.registrations_max, setup.dialogs_max);
    registrations_ = make(run_dir, shape_of(limits.registrations), setup);
    dialogs_ = make(run_dir, shape_of(limits.dialogs), setup);
    tracker_ = std::make_unique<Tracker>(Tracker::Memory{registrations_.records(), dialogs_.records()},
                                         limits, seed);
}

void SharedTracker::turn(Instant now) {
    tracker_->sweep(now);
    const RegistrationCounts& seen = tracker_->registrations().counts();
    contract::TableHeader& registrations = registrations_.header();
    show_size(registrations, tracker_->registrations());
    show(registrations, RegistrationCount::added, seen.added);
    show(registrations, RegistrationCount::refreshed, seen.refreshed);
    show(registrations, RegistrationCount::removed, seen.removed);
    show(registrations, RegistrationCount::expired, seen.expired);
    show(registrations, RegistrationCount::evicted, seen.evicted);
    show(registrations, RegistrationCount::outdated, seen.outdated);
    show(registrations, RegistrationCount::unread, tracker_->unread());
    const DialogCounts& calls = tracker_->dialogs().counts();
    contract::TableHeader& dialogs = dialogs_.header();
    show_size(dialogs, tracker_->dialogs());
    show(dialogs, DialogCount::begun, calls.begun);
    show(dialogs, DialogCount::confirmed, calls.confirmed);
    show(dialogs, DialogCount::failed, calls.failed);
    show(dialogs, DialogCount::ended, calls.ended);
    show(dialogs, DialogCount::expired, calls.expired);
    show(dialogs, DialogCount::evicted, calls.evicted);
}

} // namespace tandem::state
