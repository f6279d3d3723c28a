// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The record of a measurement: one fixed-size entry a request, in a mapped file that can be read while it
// grows.
//
// All times are CLOCK_MONOTONIC in nanoseconds, the clock that tandem's own events carry, so that both can be
// laid on one line. Byte order is the machine's: the file is not meant to travel.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

namespace tandem::phone {

struct ProbeLogHeader {
    std::uint64_t magic{0};
    std::uint32_t version{0};
    std::uint32_t entry_size{0};
    std::int64_t period_ns{0};
    std::uint64_t sent{0};
    std::uint64_t answered{0};
    std::int64_t last_answer_ns{0};
    std::int64_t started_ns{0};
    std::uint64_t reserved{0};
};
static_assert(sizeof(ProbeLogHeader) == 64);

struct ProbeLogEntry {
    std::int64_t sent_ns{0};
    std::int64_t answered_ns{0}; ///< 0: no final answer
    std::uint32_t status{0};     ///< of the answer
    std::uint32_t flags{0};      ///< of `EntryFlag`
};
static_assert(sizeof(ProbeLogEntry) == 24);

enum EntryFlag : std::uint32_t {
    sent_late = 1,    ///< more than one period after it was due
    send_refused = 2, ///< the kernel did not take it
};

inline constexpr std::uint64_t probe_log_magic = 0x31454250'4f525054ULL;
inline constexpr std::uint32_t probe_log_version = 1;

/// The mapping; the file is cut to the entries that were used at the end. Entry 0 is request 1.
class ProbeLog {
public:
    static std::expected<ProbeLog, std::string> create(const std::string& file, std::size_t capacity);
    ProbeLog(ProbeLog&& other) noexcept;
    ProbeLog(const ProbeLog&) = delete;
    ProbeLog& operator=(const ProbeLog&) = delete;
    ~ProbeLog();

    std::size_t capacity() const { return capacity_; }
    ProbeLogHeader& header() { return *static_cast<ProbeLogHeader*>(base_); }
    ProbeLogEntry* entries() {
        return reinterpret_cast<ProbeLogEntry*>(static_cast<std::byte*>(base_) + sizeof(ProbeLogHeader));
    }

private:
    ProbeLog(int fd, void* base, std::size_t capacity)
        : fd_(fd)
        , base_(base)
        , capacity_(capacity) {}
    int fd_{-1};
    void* base_{nullptr};
    std::size_t capacity_{0};
};

} // namespace tandem::phone
