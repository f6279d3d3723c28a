// SPDX-License-Identifier: GPL-3.0-or-later
// sim SEED [--trace]              one world, replayed
// sim --seeds N [--first S]       N worlds
// sim --mutations                 each deliberate fault must be caught, by the checker that should
// Further: --minutes M (simulated, default 0.5), --mutation NAME.
// Exit status: 0 no violation; 1 usage; 2 safety; 3 liveness; 4 crash of the engine; 5 a mutation was not
// caught.

#include "tests/sim/checkers.hh"
#include "tests/sim/faults.hh"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>

namespace tandem::sim {
namespace {

enum class Exit : int { fine = 0, usage = 1, safety = 2, liveness = 3, crash = 4, uncaught = 5 };

struct Options {
    std::uint64_t first{1};
    std::uint64_t seeds{1};
    double minutes{0.5};
    Mutation mutation{Mutation::none};
    bool every_mutation{false};
    bool trace{false};
};

struct Violation {
    std::string_view checker;
    Promise promise;
    std::string sentence;
};

const World* current = nullptr; ///< for the report of a crash
std::uint64_t current_seed = 0;

void tell(const World& world, std::uint64_t seed) {
    for (const std::string& note : world.notes())
        std::fprintf(stderr, "  %s\n", note.c_str());
    std::fprintf(stderr, "replay: tools/sim %llu --trace\n", static_cast<unsigned long long>(seed));
}

extern "C" void on_abort(int) {
    std::fputs("crash: an invariant of the engine is broken\n", stderr);
    if (current != nullptr)
        tell(*current, current_seed);
    ::_exit(static_cast<int>(Exit::crash));
}

std::optional<Violation> run(std::uint64_t seed, const Options& options, Mutation mutation, bool quiet) {
    World world{seed, mutation};
    current = &world;
    current_seed = seed;
    world.trace = options.trace;
    const auto length = Duration{static_cast<Duration::rep>(options.minutes * 60e9)};
    const Instant end = world.now() + length;
    Faults faults{world, world.now() + length * 2 / 3};
    auto checkers = all_checkers();
    std::optional<Violation> violation;
    while (!violation && world.now() < end) {
        world.step();
        for (const auto& checker : checkers)
            if (auto sentence = checker->look(world)) {
                violation = Violation{checker->name(), checker->promise(), *sentence};
                break;
            }
    }
    if (violation && !quiet) {
        world.note("VIOLATION of " + std::string{violation->checker} + ": " + violation->sentence);
        std::fprintf(stderr, "seed %llu: %s: %s\n", static_cast<unsigned long long>(seed),
                     std::string{violation->checker}.c_str(), violation->sentence.c_str());
        tell(world, seed);
    }
    current = nullptr;
    return violation;
}

Exit run_seeds(const Options& options) {
    std::uint64_t safety = 0;
    std::uint64_t liveness = 0;
    for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed)
        if (const auto violation = run(seed, options, options.mutation, safety + liveness >= 3))
            ++(violation->promise == Promise::safety ? safety : liveness);
    std::printf("%llu seeds, %llu violations\n", static_cast<unsigned long long>(options.seeds),
                static_cast<unsigned long long>(safety + liveness));
    return safety != 0 ? Exit::safety : liveness != 0 ? Exit::liveness : Exit::fine;
}

/// Each mutation gets the same worlds, until one of them shows it.
Exit run_mutations(const Options& options) {
    unsigned uncaught = 0;
    for (const MutationText& text : mutations) {
        std::string told = "not caught";
        bool right = false;
        for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
            const auto violation = run(seed, options, text.mutation, true);
            if (!violation)
                continue;
            right = violation->checker == text.caught_by;
            told = "caught by " + std::string{violation->checker} + " in seed " + std::to_string(seed);
            break;
        }
        std::printf("%-16s %s%s\n", std::string{text.name}.c_str(), told.c_str(),
                    right ? "" : (" (expected " + std::string{text.caught_by} + ")").c_str());
        uncaught += right ? 0U : 1U;
    }
    std::printf("%zu mutations, %u not caught as they should\n", mutations.size(), uncaught);
    return uncaught == 0 ? Exit::fine : Exit::uncaught;
}

std::optional<Mutation> mutation_named(std::string_view name) {
    for (const MutationText& text : mutations)
        if (text.name == name)
            return text.mutation;
    return std::nullopt;
}

std::optional<std::uint64_t> number(const char* text) {
    char* rest = nullptr;
    const unsigned long long value = std::strtoull(text, &rest, 10);
    if (*text < '0' || *text > '9' || *rest != '\0')
        return std::nullopt;
    return value;
}

std::optional<Options> read(int argc, char** argv) {
    Options options;
    bool told_what = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : "";
        if (word == "--trace") {
            options.trace = true;
        } else if (word == "--mutations") {
            options.every_mutation = told_what = true;
            options.seeds = 200;
        } else if (word == "--seeds" && number(value)) {
            options.seeds = *number(value);
            told_what = true;
            ++i;
        } else if (word == "--first" && number(value)) {
            options.first = *number(value);
            ++i;
        } else if (word == "--minutes" && std::atof(value) > 0) {
            options.minutes = std::atof(value);
            ++i;
        } else if (word == "--mutation" && mutation_named(value)) {
            options.mutation = *mutation_named(value);
            ++i;
        } else if (number(argv[i])) {
            options.first = *number(argv[i]);
            told_what = true;
        } else {
            return std::nullopt;
        }
    }
    return told_what ? std::optional{options} : std::nullopt;
}

} // namespace
} // namespace tandem::sim

int main(int argc, char** argv) {
    using namespace tandem::sim;
    const auto options = read(argc, argv);
    if (!options) {
        std::fputs("usage: sim SEED | --seeds N [--first S] | --mutations   [--minutes M] [--mutation NAME] "
                   "[--trace]\n",
                   stderr);
        return static_cast<int>(Exit::usage);
    }
    std::signal(SIGABRT, on_abort);
    return static_cast<int>(options->every_mutation ? run_mutations(*options) : run_seeds(*options));
}
