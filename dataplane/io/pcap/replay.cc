// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/pcap/replay.hh"

#include "dataplane/match/matcher.hh"

#include <algorithm>

namespace tandem::pcap {
namespace {

constexpr path::PathSeeds seeds{0x7061'7468U, 1};

/// The frames of one turn: the copy of the packet that came in or was released in it.
std::vector<std::uint8_t> take_copy(path::Path& path) {
    std::vector<std::uint8_t> copy;
    while (const auto frame = path.next_transmit()) {
        if (frame->kind == path::TransmitKind::fresh)
            copy.assign(frame->frame.begin(), frame->frame.end());
        path.transmitted(frame->kind, path::Sent::yes);
    }
    return copy;
}

void take_released(path::Path& path, Observer& observer) {
    while (const auto released = path.next_released()) {
        if (released->action == path::Action::redirect)
            path.redirected(path::Sent::yes);
        const std::uint32_t packet = released->token;
        const path::Action action = released->action;
        observer.on_released(packet, action, !take_copy(path).empty());
    }
}

/// Keeps everything.
class Keeper : public Observer {
public:
    void on_packet(const Captured&, const Outcome& outcome) override { outcomes.push_back(outcome); }
    void on_released(std::uint32_t packet, path::Action action, bool) override {
        outcomes[packet].released = action;
    }
    std::vector<Outcome> outcomes;
};

} // namespace

std::expected<void, std::string> replay(const std::string& file, contract::Page& page, path::Instant start,
                                        Observer& observer) {
    auto capture = Capture::open(file);
    if (!capture)
        return std::unexpected(capture.error());
    const path::PathLimits limits;
    match::Matcher matcher;
    path::Path path{page, seeds, limits, &matcher};
    std::optional<path::Instant> first;
    path::Instant now = start;
    std::uint32_t token = 0;
    while (const auto captured = capture->next()) {
        if (!first)
            first = captured->at;
        now = std::max(now, start + (captured->at - *first));
        path.begin(now);
        take_released(path, observer);
        take_copy(path);
        Outcome outcome; // what is not IP is the kernel's business
        if (!captured->packet.empty()) {
            outcome.action = path.on_outside(captured->packet, token);
            outcome.judgement = path.judgement();
            if (outcome.action == path::Action::redirect)
                path.redirected(path::Sent::yes);
            outcome.mirrored = take_copy(path);
        }
        ++token;
        observer.on_packet(*captured, outcome);
        take_released(path, observer); // those that had to make room
        path.finish();
    }
    path.begin(now + limits.hold_max);
    take_released(path, observer);
    path.finish();
    if (!capture->damage().empty())
        return std::unexpected(capture->damage());
    return {};
}

std::expected<std::vector<Outcome>, std::string> replay(const std::string& file, contract::Page& page,
                                                        path::Instant start) {
    Keeper keeper;
    if (const auto done = replay(file, page, start, keeper); !done)
        return std::unexpected(done.error());
    return std::move(keeper.outcomes);
}

} // namespace tandem::pcap
