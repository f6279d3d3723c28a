// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/run.hh"

#include <algorithm>
#include <cstdio>

namespace tandem::sim {
namespace {

using std::chrono::seconds;

const World* current = nullptr;
std::uint64_t current_seed = 0;

Duration length_of(const Options& options) {
    return Duration{static_cast<Duration::rep>(options.minutes * 60e9)};
}

/// The last part of a run is healed and quiet: a third, at most two and a half minutes.
Duration quiet_from(const Options& options) {
    const Duration length = length_of(options);
    return length - std::min(length / 3, Duration{seconds{150}});
}

std::string_view name_of(Mutation mutation) {
    for (const MutationText& text : mutations)
        if (text.mutation == mutation)
            return text.name;
    return "none";
}

bool is_takeover(ha::Event event) {
    return event >= ha::Event::took_over_silence && event <= ha::Event::took_over_unserved;
}

} // namespace

const World* world_now() {
    return current;
}

std::uint64_t seed_now() {
    return current_seed;
}

Schedule schedule_of(std::uint64_t seed, const Options& options) {
    const Setting setting = draw_setting(seed, options.interval);
    const Schedule whole = draw_schedule(seed, setting, quiet_from(options));
    if (!options.faults)
        return whole;
    Schedule some;
    for (const Kept& kept : *options.faults) {
        if (kept.index >= whole.size())
            continue;
        some.push_back(whole[kept.index]);
        if (kept.length >= Duration{})
            some.back().length = kept.length;
    }
    return some;
}

std::string command(std::uint64_t seed, const Options& options) {
    std::array<char, 32> minutes{};
    std::snprintf(minutes.data(), minutes.size(), "%g", options.minutes);
    std::string text = "tools/sim " + std::to_string(seed) + " --minutes " + minutes.data();
    if (options.interval != Duration{})
        text += " --interval " + std::to_string(options.interval.count() / 1'000'000);
    if (options.mutation != Mutation::none)
        text += " --mutation " + std::string{name_of(options.mutation)};
    if (!options.checker.empty())
        text += " --checker " + std::string{options.checker};
    if (options.faults) {
        text += " --faults ";
        for (std::size_t i = 0; i < options.faults->size(); ++i) {
            const Kept& kept = (*options.faults)[i];
            text += (i == 0 ? "" : ",") + std::to_string(kept.index);
            if (kept.length >= Duration{})
                text += "@" + std::to_string(kept.length.count() / 1'000'000);
        }
        if (options.faults->empty())
            text += "none";
    }
    return text;
}

Outcome run(std::uint64_t seed, const Options& options, Telling telling) {
    const Setting setting = draw_setting(seed, options.interval);
    const Schedule schedule = schedule_of(seed, options);
    World world{seed, setting, schedule, quiet_from(options), options.mutation, telling};
    current = &world;
    current_seed = seed;
    if (world.listening())
        world.note(setting.text());
    const Instant genesis = world.now();
    const Instant end = genesis + length_of(options);
    Checkers checkers = all_checkers();
    if (!options.checker.empty())
        std::erase_if(checkers, [&](const auto& checker) { return checker->name() != options.checker; });
    Outcome outcome;
    Instant due{};
    while (!outcome.violation && world.now() < end) {
        const Instant lapse = world.next_lapse();
        world.step(std::min({end, due, lapse}));
        const bool changed = world.take_changed();
        if (!changed && world.now() < due && world.now() < lapse)
            continue;
        due = end;
        for (const auto& checker : checkers) {
            auto sentence = checker->check(world);
            due = std::min(due, checker->due());
            if (!sentence)
                continue;
            outcome.violation =
                Violation{checker->name(), checker->promise(), std::move(*sentence), world.now() - genesis};
            break;
        }
        for (const Report& report : world.reports)
            outcome.takeovers += is_takeover(report.event) ? 1U : 0U;
        world.reports.clear();
        world.left.clear();
    }
    if (outcome.violation && world.listening())
        world.note("VIOLATION of " + std::string{outcome.violation->checker} + ": " +
                   outcome.violation->sentence);
    outcome.hash = world.hash();
    outcome.events = world.events();
    for (const Client& client : world.clients())
        outcome.answered += client.answered;
    outcome.notes = world.notes();
    current = nullptr;
    return outcome;
}

} // namespace tandem::sim
