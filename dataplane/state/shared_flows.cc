// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/shared_flows.hh"

namespace tandem::state {

contract::TableShape shape_of_flows(std::size_t flows) {
    return {contract::TableKind::flows, sizeof(Flow), Flows::octets(flows), flows, 0};
}

SharedFlows::SharedFlows(const std::string& run_dir, const contract::RecordSetup& setup, std::uint64_t seed,
                         contract::TablePart part) {
    contract::TableShape shape = shape_of_flows(setup.flows_max);
    shape.part = part;
    auto file = contract::TableWriter::create(run_dir, shape);
    if (file) {
        file->header().group_names = setup.group_names;
        if (const auto published = file->publish())
            file_ = std::move(*file);
        else
            complaint_ = published.error();
    } else {
        complaint_ = file.error();
    }
    if (!complaint_.empty())
        file_ = contract::TableWriter::unshared(shape);
    flows_ = std::make_unique<Flows>(file_.records(), setup.flows_max, seed);
}

void SharedFlows::turn(Instant now) {
    flows_->sweep(now);
    contract::TableHeader& header = file_.header();
    const auto show = [&](FlowCount name, std::uint64_t value) {
        header.counts[static_cast<std::size_t>(name)].store(value, std::memory_order_relaxed);
    };
    header.used.store(flows_->size(), std::memory_order_relaxed);
    const FlowCounts& counts = flows_->counts();
    show(FlowCount::begun, counts.begun);
    show(FlowCount::expired, counts.expired);
    show(FlowCount::evicted, counts.evicted);
    show(FlowCount::refused, counts.refused);
}

} // namespace tandem::state
