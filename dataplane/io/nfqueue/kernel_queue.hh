// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One queue of the kernel's packet filter: packets come out, verdicts go in, both in batches.
//
// Fail-open: without a listener, or when the queue is full, the kernel passes packets on. The kernel segments
// what was aggregated and completes unfinished checksums before it hands a copy over, because the queue does
// not ask for the contrary (NFQA_CFG_F_GSO). Deliberately absent: what a verdict depends on; waiting (poll
// the descriptor).

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

namespace tandem::nfqueue {

/// A packet in the queue. It stays in the kernel until its verdict.
struct Queued {
    std::uint32_t id{0};
    std::span<const std::uint8_t> packet; ///< begins with the IP header; valid until the next receive()
};

/// Are packets older than this burst still without a verdict?
enum class Older : std::uint8_t { none, kept };

class KernelQueue {
public:
    static constexpr std::size_t burst_max = 64;

    /// Binds the queue with this number. The error is a sentence.
    static std::expected<KernelQueue, std::string> open(std::uint16_t number);

    KernelQueue(KernelQueue&&) noexcept;
    KernelQueue& operator=(KernelQueue&&) noexcept;
    ~KernelQueue();

    int descriptor() const;

    /// What has arrived, at most burst_max packets; empty when nothing has. Does not wait.
    std::span<const Queued> receive();
    /// Packets that the kernel could not hand over since the last call; it passed them on.
    std::uint64_t take_overruns();

    /// Notes a verdict; flush() sends all that were noted, in one message when it can.
    void accept(std::uint32_t id);
    void drop(std::uint32_t id);
    void flush(Older older);

private:
    struct Impl;
    explicit KernelQueue(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem::nfqueue
