// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The engine of host mode: kernel queue, mirror links and shadow interface around one packet path.
//
// One worker runs turns: take what has arrived everywhere, let the path decide, send, give verdicts. It
// sleeps in poll() for at most 10 ms, so that its pulse in the page goes on. Deliberately absent:
// packet-filter rules (packet_filter) and signals, which belong to the main thread; log lines.

#include "dataplane/contract/page.hh"
#include "dataplane/io/halink/mirror_links.hh"
#include "dataplane/io/nfqueue/kernel_queue.hh"
#include "dataplane/io/nfqueue/shadow_tun.hh"
#include "dataplane/match/matcher.hh"
#include "dataplane/path/path.hh"
#include "dataplane/state/shared_capture.hh"
#include "dataplane/state/shared_tracker.hh"

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace tandem::nfqueue {

class Engine {
public:
    /// Binds the kernel queue that the page's policy names. The page outlives the engine. What is tracked is
    /// shown in files of `run_dir`.
    static std::expected<std::unique_ptr<Engine>, std::string> open(contract::Page& page,
                                                                    const std::string& run_dir);

    /// The worker: turns until stop(). Takes low real-time priority when permitted.
    void run();

    // For the main thread, at any time:
    void stop() { stopping_.store(true); }
    /// The rules lead into the queue (or no longer do).
    void set_rules_in_place(bool in_place) { rules_in_place_.store(in_place); }
    /// How many packets passed while no engine was there: the worker counts them and tells the brain, once.
    void report_missed(std::uint64_t packets) { missed_.store(static_cast<std::int64_t>(packets)); }
    /// The kernel queue that is bound, for the life of the engine.
    std::uint16_t queue() const { return queue_number_; }
    /// Turns so far.
    std::uint64_t turns() const { return turns_.load(); }
    /// What could not be shared with tandemctl, in sentences; known from the start on.
    std::vector<std::string> complaints() const;

private:
    Engine(contract::Page& page, const std::string& run_dir, std::uint16_t number, KernelQueue queue,
           const path::PathSeeds& seeds);

    void turn(path::Instant now);
    void attend_devices(path::Instant now);
    void take_released();
    void take_outside();
    void take_links();
    void take_shadow();
    void deliver();
    void redirect(std::uint32_t id, std::span<const std::uint8_t> packet);
    void settle(std::uint32_t id, path::Action action, std::span<const std::uint8_t> packet);
    enum class Side : std::uint16_t { outside, shadow };
    void capture(Side side, state::CapturedOn::Direction direction, path::Action verdict,
                 contract::Counter reason, std::span<const std::uint8_t> packet);
    void track(std::span<const std::uint8_t> packet, state::Way way);
    void show_calls();
    void transmit();
    void flush_links();
    void report();
    void wait(path::Instant now);

    contract::Page& page_;
    std::uint16_t queue_number_;
    KernelQueue queue_;
    halink::MirrorLinks links_;
    ShadowTun tun_;
    match::Matcher matcher_;
    path::Path path_;
    state::SharedTracker tracker_;
    state::SharedCapture capture_;
    std::int64_t realtime_ns_{0}; ///< of this turn
    path::Instant now_{};         ///< of this turn
    std::string shadow_name_;
    path::Instant tun_retry_at_{};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> rules_in_place_{false};
    std::atomic<std::int64_t> missed_{-1};
    std::atomic<std::uint64_t> turns_{0};
};

} // namespace tandem::nfqueue
