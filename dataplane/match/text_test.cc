// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/match/text_test.hh"

#include <hs/hs.h>

#include <limits>
#include <utility>

namespace tandem::match {
namespace {

/// Any match will do: the scan ends there.
int on_match(unsigned, unsigned long long, unsigned long long, unsigned, void* found) {
    *static_cast<bool*>(found) = true;
    return 1;
}

} // namespace

void TextTest::Free::operator()(hs_scratch* scratch) const {
    hs_free_scratch(scratch);
}

std::expected<TextTest, std::string> TextTest::compile(std::string_view text) {
    // By itself first: what is between the anchors cannot close their group.
    if (const auto alone = Expression::compile(text, contract::Letters::either_case); !alone)
        return std::unexpected(alone.error());
    auto whole = Expression::compile("^(?:" + std::string{text} + ")\\z", contract::Letters::either_case);
    if (!whole)
        return std::unexpected(whole.error());
    hs_scratch* scratch = nullptr;
    if (hs_alloc_scratch(whole->database(), &scratch) != HS_SUCCESS)
        return std::unexpected(std::string{"there is no memory for the expression"});
    return TextTest{std::move(*whole), scratch};
}

bool TextTest::matches(std::string_view text) const noexcept {
    if (text.size() > std::numeric_limits<unsigned>::max())
        return false;
    bool found = false;
    hs_scan(expression_.database(), text.data() == nullptr ? "" : text.data(),
            static_cast<unsigned>(text.size()), 0, scratch_.get(), on_match, &found);
    return found;
}

} // namespace tandem::match
