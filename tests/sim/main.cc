// SPDX-License-Identifier: GPL-3.0-or-later
// sim SEED [--trace | --shrink]   one world, replayed, or cut down to what breaks a promise
// sim --seeds N [--first S]       N worlds
// sim --mutations                 each deliberate fault must be caught, by the checker that should
// sim --replay N                  each of N seeds twice: the traces must be the same
// Further: --minutes M (simulated, default 10), --jobs N (default: the cores), --mutation NAME, --interval
// MS,
// --faults LIST (of the schedule, as --shrink gives it), --checker NAME (only that one looks).
// Exit status: 0 no violation; 1 usage; 2 safety; 3 liveness; 4 crash of the engine; 5 a mutation was not
// caught; 6 a seed did not replay.

#include "tests/sim/crew.hh"
#include "tests/sim/run.hh"
#include "tests/sim/shrink.hh"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <unistd.h>

namespace tandem::sim {
namespace {

enum class Exit : int { fine = 0, usage = 1, safety = 2, liveness = 3, crash = 4, uncaught = 5, replay = 6 };
enum class Task : std::uint8_t { none, one, many, mutations, replay };
enum class Wish : std::uint8_t { none, trace, shrink };

struct Command {
    Options options;
    Task task{Task::none};
    Wish wish{Wish::none};
};

void print(const std::deque<std::string>& notes) {
    for (const std::string& note : notes)
        std::fprintf(stderr, "  %s\n", note.c_str());
}

extern "C" void on_abort(int) {
    if (const World* world = world_now(); world != nullptr && world->listening()) {
        std::fputs("crash: an invariant of the engine is broken\n", stderr);
        print(world->notes());
    }
    ::_exit(static_cast<int>(Exit::crash));
}

Exit exit_of(Promise promise) {
    return promise == Promise::safety ? Exit::safety : Exit::liveness;
}

void tell(std::uint64_t seed, const Options& options, const Violation& violation) {
    std::fprintf(stderr, "seed %llu: %s: %s\nreplay: %s --trace\n", static_cast<unsigned long long>(seed),
                 std::string{violation.checker}.c_str(), violation.sentence.c_str(),
                 command(seed, options).c_str());
}

Exit run_one(const Command& command_line) {
    const Options& options = command_line.options;
    const bool trace = command_line.wish == Wish::trace;
    const Outcome outcome = run(options.first, options, trace ? Telling::all : Telling::last);
    if (!outcome.violation) {
        std::printf("no violation: %llu events, %llu takeovers, %llu requests answered, trace %016llx\n",
                    static_cast<unsigned long long>(outcome.events),
                    static_cast<unsigned long long>(outcome.takeovers),
                    static_cast<unsigned long long>(outcome.answered),
                    static_cast<unsigned long long>(outcome.hash));
        return Exit::fine;
    }
    if (command_line.wish == Wish::shrink) {
        const Options fewer = shrink(options.first, options, outcome.violation->checker);
        const Outcome shorter = run(options.first, fewer, Telling::turns);
        print(shorter.notes);
        tell(options.first, fewer, shorter.violation ? *shorter.violation : *outcome.violation);
    } else {
        if (!trace)
            print(outcome.notes);
        tell(options.first, options, *outcome.violation);
        std::fprintf(stderr, "shrink: %s --shrink\n", command(options.first, options).c_str());
    }
    return exit_of(outcome.violation->promise);
}

Exit run_many(const Options& options) {
    const Tally tally = run_all(options);
    Exit worst = Exit::fine;
    for (const Finding& finding : tally.findings) {
        std::fprintf(stderr, "%s of %s: %s --shrink\n",
                     finding.found == Found::crash    ? "crash"
                     : finding.found == Found::safety ? "violation"
                                                      : "late: violation",
                     finding.checker.data(), command(finding.seed, options).c_str());
        const Exit exit = finding.found == Found::crash    ? Exit::crash
                          : finding.found == Found::safety ? Exit::safety
                                                           : Exit::liveness;
        if (worst == Exit::fine || exit == Exit::crash || (exit == Exit::safety && worst != Exit::crash))
            worst = exit;
    }
    std::printf(
        "%llu seeds of %g minutes, %zu violations; %llu events, %llu takeovers, %llu requests answered, "
        "trace %016llx\n",
        static_cast<unsigned long long>(tally.seeds), options.minutes, tally.findings.size(),
        static_cast<unsigned long long>(tally.events), static_cast<unsigned long long>(tally.takeovers),
        static_cast<unsigned long long>(tally.answered), static_cast<unsigned long long>(tally.hash));
    return worst;
}

/// Whether the engine ends the process in the first world.
bool crashes(Options options) {
    options.seeds = 1;
    options.jobs = 1;
    const Tally tally = run_all(options);
    return !tally.findings.empty() && tally.findings.front().found == Found::crash;
}

/// Each mutation gets the same worlds, and only the checker that should see it looks, until one of them shows
/// it. Without the mutation none of them shows anything: that is the plain run. True when it was caught.
bool catches(const Options& options, const MutationText& text) {
    Options mutated = options;
    mutated.mutation = text.mutation;
    const std::string name{text.name};
    const std::string by{text.caught_by};
    if (text.caught_by == own_invariant) {
        const bool caught = crashes(mutated);
        std::printf("%-18s %s by an invariant of the engine\n", name.c_str(),
                    caught ? "caught" : "NOT CAUGHT");
        return caught;
    }
    mutated.checker = text.caught_by;
    for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed)
        if (const auto violation = run(seed, mutated, Telling::nothing).violation) {
            std::printf("%-18s caught by %s, seed %llu: %s\n", name.c_str(), by.c_str(),
                        static_cast<unsigned long long>(seed), violation->sentence.c_str());
            return true;
        }
    std::printf("%-18s NOT CAUGHT by %s\n", name.c_str(), by.c_str());
    return false;
}

Exit run_mutations(const Options& options) {
    unsigned uncaught = 0;
    for (const MutationText& text : mutations)
        uncaught += catches(options, text) ? 0U : 1U;
    for (const auto& checker : all_checkers()) {
        const auto proves = [&](const MutationText& text) { return text.caught_by == checker->name(); };
        if (std::any_of(mutations.begin(), mutations.end(), proves))
            continue;
        std::printf("nothing proves that %s can fail\n", std::string{checker->name()}.c_str());
        ++uncaught;
    }
    std::printf("%zu mutations, %u not caught\n", mutations.size(), uncaught);
    return uncaught == 0 ? Exit::fine : Exit::uncaught;
}

Exit run_replays(const Options& options) {
    for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed)
        if (run(seed, options, Telling::nothing).hash != run(seed, options, Telling::last).hash) {
            std::fprintf(stderr, "seed %llu gave two different traces\n",
                         static_cast<unsigned long long>(seed));
            return Exit::replay;
        }
    std::printf("%llu seeds replayed\n", static_cast<unsigned long long>(options.seeds));
    return Exit::fine;
}

// ---- the command line ----

std::optional<Mutation> mutation_named(std::string_view name) {
    for (const MutationText& text : mutations)
        if (text.name == name)
            return text.mutation;
    return std::nullopt;
}

/// The name of a checker, as the checker has it.
std::string_view checker_named(std::string_view name) {
    for (const auto& checker : all_checkers())
        if (checker->name() == name)
            return checker->name();
    return {};
}

std::optional<std::uint64_t> number(const char* text) {
    char* rest = nullptr;
    const unsigned long long value = std::strtoull(text, &rest, 10);
    if (*text < '0' || *text > '9' || *rest != '\0')
        return std::nullopt;
    return value;
}

/// "3,17@500": the fault with number 3, and number 17 for 500 ms; "none".
std::optional<std::vector<Kept>> faults_named(const char* text) {
    std::vector<Kept> faults;
    if (std::string_view{text} == "none")
        return faults;
    while (*text != '\0') {
        char* rest = nullptr;
        if (*text < '0' || *text > '9')
            return std::nullopt;
        Kept kept{static_cast<std::size_t>(std::strtoull(text, &rest, 10)), Duration{-1}};
        if (*rest == '@')
            kept.length = std::chrono::milliseconds{std::strtoull(rest + 1, &rest, 10)};
        if (*rest != ',' && *rest != '\0')
            return std::nullopt;
        faults.push_back(kept);
        text = *rest == ',' ? rest + 1 : rest;
    }
    return faults;
}

/// A word that is followed by a value; false when it is none, or the value is no good.
bool take_pair(std::string_view word, const char* value, Command& command_line) {
    Options& options = command_line.options;
    if (word == "--mutation" && mutation_named(value)) {
        options.mutation = *mutation_named(value);
    } else if (word == "--checker" && !checker_named(value).empty()) {
        options.checker = checker_named(value);
    } else if (word == "--minutes" && std::atof(value) > 0) {
        options.minutes = std::atof(value);
    } else if (word == "--faults" && faults_named(value)) {
        options.faults = faults_named(value);
    } else if (!number(value)) {
        return false;
    } else if (word == "--seeds" || word == "--replay") {
        command_line.task = word == "--seeds" ? Task::many : Task::replay;
        options.seeds = *number(value);
    } else if (word == "--first") {
        options.first = *number(value);
    } else if (word == "--jobs" && *number(value) > 0) {
        options.jobs = static_cast<unsigned>(*number(value));
    } else if (word == "--interval" && *number(value) > 0 && *number(value) <= 1000) {
        options.interval = std::chrono::milliseconds{*number(value)};
    } else {
        return false;
    }
    return true;
}

std::optional<Command> read(int argc, char** argv) {
    Command command_line;
    command_line.options.jobs = std::max(1U, std::thread::hardware_concurrency());
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--trace") {
            command_line.wish = Wish::trace;
        } else if (word == "--shrink") {
            command_line.wish = Wish::shrink;
        } else if (word == "--mutations") {
            command_line.task = Task::mutations;
            command_line.options.seeds = 300;
        } else if (number(argv[i])) {
            command_line.task = Task::one;
            command_line.options.first = *number(argv[i]);
        } else if (i + 1 < argc && take_pair(word, argv[i + 1], command_line)) {
            ++i;
        } else {
            return std::nullopt;
        }
    }
    return command_line.task == Task::none ? std::nullopt : std::optional{command_line};
}

Exit perform(const Command& command_line) {
    std::signal(SIGABRT, on_abort);
    switch (command_line.task) {
    case Task::many:
        return run_many(command_line.options);
    case Task::mutations:
        return run_mutations(command_line.options);
    case Task::replay:
        return run_replays(command_line.options);
    default:
        return run_one(command_line);
    }
}

} // namespace
} // namespace tandem::sim

int main(int argc, char** argv) {
    const auto command_line = tandem::sim::read(argc, argv);
    if (!command_line) {
        std::fputs("usage: sim SEED [--trace | --shrink] | --seeds N [--first S] | --mutations | --replay N\n"
                   "       [--minutes M] [--jobs N] [--mutation NAME] [--interval MS] [--faults LIST] "
                   "[--checker NAME]\n",
                   stderr);
        return 1;
    }
    return static_cast<int>(tandem::sim::perform(*command_line));
}
