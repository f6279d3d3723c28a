// SPDX-License-Identifier: GPL-3.0-or-later

// The replaced operators stand apart from their users: inlined beside a `new` they would look mismatched.

#include "tests/unit/seal/allocations.hh"

#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> count{0};

void* counted_malloc(std::size_t size, const char*, int) {
    ++count;
    return std::malloc(size);
}
void* counted_realloc(void* p, std::size_t size, const char*, int) {
    ++count;
    return std::realloc(p, size);
}
void counted_free(void* p, const char*, int) {
    std::free(p);
}

const int hooked = CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free);

} // namespace

namespace tandem::test {

std::uint64_t allocations() {
    return count;
}
bool openssl_counted() {
    return hooked == 1;
}

} // namespace tandem::test

void* operator new(std::size_t size) {
    ++count;
    if (void* p = std::malloc(size != 0 ? size : 1))
        return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}
