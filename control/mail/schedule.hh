// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// When a letter is tried again, and which letters go together. Pure.

#include "control/mail/settings.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tandem::mail {

using Clock = std::chrono::steady_clock;

/// What the last try ended with.
enum class Setback : std::uint8_t {
    unreachable, ///< or "not now": it may be over soon
    refused,     ///< somebody has to change something: no reason to hurry
};

/// How long to wait after so many tries (at least one): 10 s, 30 s, 2 min, 10 min, 30 min, 30 min ... and not
/// less than 10 min after a refusal. Up to a tenth more, by `seed`, so that two nodes do not come together.
std::chrono::milliseconds wait_after(unsigned tries, Setback setback, std::uint64_t seed);

/// Whether the try of that number that failed is told of: the first, and each time that the wait has become
/// as long as it gets, once in twelve.
bool worth_telling(unsigned tries);

/// Tells storms from single letters, for each set of recipients.
class StormWatch {
public:
    /// A letter has come. Absent: it goes singly; otherwise when the digest goes that it is part of.
    std::optional<Clock::time_point> on_letter(const std::vector<std::string>& to, Clock::time_point now,
                                               std::size_t most, std::chrono::seconds window);

private:
    static constexpr std::size_t sets_max = 256;
    struct Recent {
        std::deque<Clock::time_point> single; ///< those that went singly within the window
        std::optional<Clock::time_point> digest_at;
    };
    std::map<std::vector<std::string>, Recent> recent_;
};

/// One letter of a digest.
struct DigestLine {
    std::string when;
    std::string subject;
    std::string first_line; ///< of the body; empty: none
};

std::string digest_subject(std::size_t count);
std::string digest_body(const std::vector<DigestLine>& lines);

} // namespace tandem::mail
