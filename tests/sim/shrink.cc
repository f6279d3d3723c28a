// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/shrink.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::milliseconds;

constexpr unsigned tries_max = 3000;

class Shrinker {
public:
    Shrinker(std::uint64_t seed, const Options& options, std::string_view checker)
        : seed_(seed)
        , options_(options)
        , checker_(checker) {}

    Options result() {
        begin();
        leave_out();
        shorten();
        return options_;
    }

private:
    bool fails(const std::vector<Kept>& faults) {
        if (++tries_ > tries_max)
            return false;
        Options trial = options_;
        trial.faults = faults;
        const auto violation = run(seed_, trial, Telling::nothing).violation;
        return violation && violation->checker == checker_;
    }

    /// What begins after the violation did not bring it about.
    void begin() {
        const auto violation = run(seed_, options_, Telling::nothing).violation;
        if (!options_.faults) {
            const Schedule drawn = schedule_of(seed_, options_);
            options_.faults.emplace();
            for (std::size_t i = 0; i < drawn.size(); ++i)
                if (!violation || drawn[i].at <= violation->at)
                    options_.faults->push_back({i, Duration{-1}});
        }
        faults_ = *options_.faults;
    }

    void leave_out() {
        for (std::size_t part = std::max<std::size_t>(1, faults_.size() / 2); part >= 1; part /= 2) {
            bool less = true;
            while (less) {
                less = false;
                for (std::size_t from = 0; from < faults_.size();) {
                    std::vector<Kept> rest = faults_;
                    const auto first = rest.begin() + static_cast<std::ptrdiff_t>(from);
                    rest.erase(first,
                               first + static_cast<std::ptrdiff_t>(std::min(part, rest.size() - from)));
                    if (fails(rest)) {
                        faults_ = rest;
                        less = true;
                    } else {
                        from += part;
                    }
                }
            }
        }
        options_.faults = faults_;
    }

    void shorten() {
        const Schedule drawn = schedule_of(seed_, options_);
        for (std::size_t i = 0; i < faults_.size(); ++i)
            for (Duration length = drawn[i].length / 2; length >= milliseconds{1}; length /= 2) {
                std::vector<Kept> shorter = faults_;
                shorter[i].length = std::chrono::duration_cast<milliseconds>(length);
                if (!fails(shorter))
                    break;
                faults_ = shorter;
            }
        options_.faults = faults_;
    }

    std::uint64_t seed_;
    Options options_;
    std::string_view checker_;
    std::vector<Kept> faults_;
    unsigned tries_{0};
};

} // namespace

Options shrink(std::uint64_t seed, const Options& options, std::string_view checker) {
    return Shrinker{seed, options, checker}.result();
}

} // namespace tandem::sim
