// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Vectors on large pages where the kernel has them.
//
// Problem: a table of a million entries lies on thousands of ordinary pages, more than the processor keeps
// the addresses of; each look-up then waits for page tables as well. Idea: what is larger than a large page
// is aligned for it, and the kernel is told that large pages are welcome. Deliberately absent: reserved
// pages, and memory that is shared.

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace tandem::table {

template <typename T>
struct LargePages {
    using value_type = T;
    static constexpr std::size_t page = std::size_t{2} << 20U;

    LargePages() = default;
    template <typename U>
    LargePages(const LargePages<U>& /*other*/) noexcept {} // NOLINT: allocators are converted

    T* allocate(std::size_t count) {
        const std::size_t octets = count * sizeof(T);
        if (octets < page)
            return static_cast<T*>(::operator new (octets, std::align_val_t{alignof(T)}));
        const std::size_t whole = (octets + page - 1) / page * page;
        void* at = std::aligned_alloc(page, whole);
        if (at == nullptr)
            throw std::bad_alloc{};
        ::madvise(at, whole, MADV_HUGEPAGE); // refused: ordinary pages do as well
        return static_cast<T*>(at);
    }
    void deallocate(T* at, std::size_t count) noexcept {
        if (count * sizeof(T) < page)
            ::operator delete (at, std::align_val_t{alignof(T)});
        else
            std::free(at);
    }
    template <typename U>
    bool operator==(const LargePages<U>& /*other*/) const noexcept {
        return true;
    }
};

template <typename T>
using LargeVector = std::vector<T, LargePages<T>>;

} // namespace tandem::table
