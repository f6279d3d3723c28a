// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/watch/allocations.hh"

#include <cstdlib>
#include <new>

namespace {

thread_local bool counting = false;
thread_local std::size_t allocations = 0;

} // namespace

// A file of its own, so that no caller sees through to malloc and free.
void* operator new(std::size_t size) {
    if (counting)
        ++allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    if (counting)
        ++allocations;
    return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace tandem::testing {

Allocations::Allocations() {
    allocations = 0;
    counting = true;
}

std::size_t Allocations::stop() {
    counting = false;
    return allocations;
}

} // namespace tandem::testing
