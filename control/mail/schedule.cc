// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/schedule.hh"

#include <algorithm>
#include <array>

namespace tandem::mail {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::chrono::seconds, 5> steps{std::chrono::seconds{10}, std::chrono::seconds{30},
                                                    std::chrono::seconds{120}, std::chrono::seconds{600},
                                                    std::chrono::seconds{1800}};
constexpr std::size_t slow_step = 3;
constexpr unsigned told_each = 12;

/// Numbers that lie close together give ones that do not.
std::uint64_t mixed(std::uint64_t x) {
    x ^= x >> 33U;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33U;
    return x;
}

} // namespace

milliseconds wait_after(unsigned tries, Setback setback, std::uint64_t seed) {
    std::size_t step = std::clamp<std::size_t>(tries, 1, steps.size()) - 1;
    if (setback == Setback::refused)
        step = std::max(step, slow_step);
    const milliseconds wait = steps[step];
    const auto most = static_cast<std::uint64_t>(wait.count() / 10);
    return wait + milliseconds{static_cast<milliseconds::rep>(mixed(seed + tries) % (most + 1))};
}

bool worth_telling(unsigned tries) {
    return tries == 1 || tries % told_each == 0;
}

std::optional<Clock::time_point> StormWatch::on_letter(const std::vector<std::string>& to,
                                                       Clock::time_point now, std::size_t most,
                                                       std::chrono::seconds window) {
    // Those of whom nothing is remembered any more make room; so many sets at once have no storms of their
    // own.
    std::erase_if(recent_, [&](const auto& entry) {
        const Recent& recent = entry.second;
        return (!recent.digest_at || *recent.digest_at <= now) &&
               (recent.single.empty() || recent.single.back() + window <= now);
    });
    if (recent_.size() >= sets_max && !recent_.contains(to))
        return std::nullopt;
    Recent& recent = recent_[to];
    while (!recent.single.empty() && recent.single.front() + window <= now)
        recent.single.pop_front();
    if (recent.digest_at && *recent.digest_at > now)
        return recent.digest_at;
    recent.digest_at.reset();
    if (recent.single.size() < most) {
        recent.single.push_back(now);
        return std::nullopt;
    }
    recent.digest_at = now + window;
    return recent.digest_at;
}

std::string digest_subject(std::size_t count) {
    return "tandem: " + std::to_string(count) + " messages in one";
}

std::string digest_body(const std::vector<DigestLine>& lines) {
    std::string body = std::to_string(lines.size()) +
                       " messages came within a short time. This letter stands for all of them.\n\n";
    for (const DigestLine& line : lines) {
        body += line.when + "  " + line.subject + "\n";
        if (!line.first_line.empty() && line.first_line != line.subject)
            body += "    " + line.first_line + "\n";
    }
    return body;
}

} // namespace tandem::mail
