// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/shared_capture.hh"

#include <algorithm>

namespace tandem::state {

contract::TableShape SharedCapture::shape(std::size_t octets) {
    return {contract::TableKind::capture, sizeof(table::PacketNote), table::PacketRing::octets(octets), 0, 0};
}

SharedCapture::SharedCapture(const std::string& run_dir, const contract::RecordSetup& setup,
                             std::span<const Interface> interfaces, contract::TablePart part) {
    if (setup.capture == contract::Keeping::off)
        return;
    contract::TableShape wanted = shape(setup.capture_octets / std::max<std::size_t>(1, part.of));
    wanted.part = part;
    auto file = contract::TableWriter::create(run_dir, wanted);
    if (!file) {
        complaint_ = file.error();
        return;
    }
    contract::TableHeader& header = file->header();
    header.seconds = setup.capture_seconds;
    for (const Interface& interface :
         interfaces.first(std::min(interfaces.size(), header.interfaces.size()))) {
        contract::TableInterface& shown = header.interfaces[header.interface_count++];
        shown.link_type = interface.link_type;
        std::copy_n(interface.name.begin(), std::min(interface.name.size(), shown.name.size() - 1),
                    shown.name.begin());
    }
    if (const auto published = file->publish(); !published) {
        complaint_ = published.error();
        return;
    }
    file_ = std::move(*file);
    ring_.emplace(file_.records());
}

} // namespace tandem::state
