// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/pcap/replay.hh"

#include "dataplane/io/pcap/capture.hh"

#include <algorithm>

namespace tandem::pcap {
namespace {

constexpr path::PathSeeds seeds{0x7061'7468U, 1};

/// What a turn brings out beside the verdicts.
void drain(path::Path& path, std::vector<Outcome>& outcomes) {
    while (const auto released = path.next_released()) {
        outcomes[released->token].released = released->action;
        if (released->action == path::Action::redirect)
            path.redirected(path::Sent::yes);
    }
    while (const auto frame = path.next_transmit()) {
        // One packet goes in per turn, so a new frame belongs to the last one.
        if (frame->kind == path::TransmitKind::fresh && !outcomes.empty())
            outcomes.back().mirrored.assign(frame->frame.begin(), frame->frame.end());
        path.transmitted(frame->kind, path::Sent::yes);
    }
    path.finish();
}

} // namespace

std::expected<std::vector<Outcome>, std::string> replay(const std::string& file, contract::Page& page,
                                                        path::Instant start) {
    auto capture = Capture::open(file);
    if (!capture)
        return std::unexpected(capture.error());
    path::PathLimits limits;
    path::Path path{page, seeds, limits};
    std::vector<Outcome> outcomes;
    std::optional<path::Instant> first;
    path::Instant now = start;
    while (const auto captured = capture->next()) {
        if (!first)
            first = captured->at;
        now = std::max(now, start + (captured->at - *first));
        path.begin(now);
        drain(path, outcomes);
        const auto token = static_cast<std::uint32_t>(outcomes.size());
        outcomes.emplace_back();
        if (captured->packet.empty())
            continue; // not IP: the kernel's business
        outcomes.back().action = path.on_outside(captured->packet, token);
        if (outcomes.back().action == path::Action::redirect)
            path.redirected(path::Sent::yes);
        drain(path, outcomes);
    }
    path.begin(now + limits.hold_max);
    drain(path, outcomes);
    return outcomes;
}

} // namespace tandem::pcap
