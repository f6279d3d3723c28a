// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Counts every allocation of the test program: the C++ ones and those that OpenSSL makes.

#include <cstdint>

namespace tandem::test {

/// Allocations so far, of all threads.
std::uint64_t allocations();

/// False if OpenSSL had already allocated and its allocations cannot be counted any more.
bool openssl_counted();

} // namespace tandem::test
