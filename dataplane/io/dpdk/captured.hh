// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What all workers say in their captures.

#include "dataplane/contract/appliance.hh"
#include "dataplane/io/dpdk/eal.hh"
#include "dataplane/path/instant.hh"
#include "dataplane/state/shared_capture.hh"
#include "dataplane/wire/pcapng.hh"

#include <chrono>
#include <cstdint>
#include <vector>

namespace tandem::dpdk {

/// In the order of path::Segment. Frames are kept without the port's tags.
inline std::vector<state::SharedCapture::Interface> captured_interfaces(const contract::Appliance& setup) {
    return {{text_of(setup.outside.kernel_interface), wire::pcapng::link_ethernet},
            {text_of(setup.inside.kernel_interface), wire::pcapng::link_ethernet}};
}

inline std::int64_t realtime_now_ns() {
    return std::chrono::duration_cast<path::Duration>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace tandem::dpdk
