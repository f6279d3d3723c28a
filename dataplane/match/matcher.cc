// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/match/matcher.hh"

#include <hs/hs.h>

namespace tandem::match {
namespace {

/// Any match will do: the scan ends there.
int on_match(unsigned, unsigned long long, unsigned long long, unsigned, void* found) {
    *static_cast<bool*>(found) = true;
    return 1;
}

} // namespace

void Matcher::Free::operator()(hs_scratch* scratch) const {
    hs_free_scratch(scratch);
}

void Matcher::adopt(const contract::Policy& policy) {
    refused_ = 0;
    for (std::size_t group = 0; group < patterns_.size(); ++group) {
        const contract::RequestPattern& pattern = policy.groups[group].pattern;
        if (!(pattern == patterns_[group])) {
            patterns_[group] = pattern;
            expressions_[group] = {};
        }
        for (std::size_t i = 0; i < pattern.clauses().size(); ++i) {
            const auto& clause = pattern.clauses()[i];
            auto& expression = expressions_[group][i];
            if (clause.test != contract::ClauseTest::expression || expression)
                continue;
            auto compiled = Expression::compile(pattern.value(clause), clause.letters);
            hs_scratch* scratch = scratch_.release();
            const bool taken = compiled && hs_alloc_scratch(compiled->database(), &scratch) == HS_SUCCESS;
            scratch_.reset(scratch);
            if (taken)
                expression = std::move(*compiled);
            else
                ++refused_;
        }
    }
}

bool Matcher::matches(std::size_t group, std::size_t clause, std::string_view text) noexcept {
    if (group >= expressions_.size() || clause >= expressions_[group].size() || !expressions_[group][clause])
        return true;
    bool found = false;
    const auto length = static_cast<unsigned>(text.size()); // at most 65,535: a datagram
    const hs_error_t result =
        hs_scan(expressions_[group][clause]->database(), text.data() == nullptr ? "" : text.data(), length, 0,
                scratch_.get(), on_match, &found);
    return found || (result != HS_SUCCESS && result != HS_SCAN_TERMINATED);
}

} // namespace tandem::match
