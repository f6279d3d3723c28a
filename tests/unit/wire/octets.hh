// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Octets for the packet tests.

#include "tests/unit/wire/sip_corpus.hh"

#include "dataplane/wire/address.hh"

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::wire::test {

using Octets = std::vector<std::uint8_t>;

/// A seed of tests/corpus, made by other code than ours.
inline Octets seed(const char* file) {
    const std::string text = contents(own_corpus() / file);
    return {text.begin(), text.end()};
}

inline IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

inline constexpr MacAddress own_mac{{0x02, 0, 0, 0, 0, 0x01}};

} // namespace tandem::wire::test
