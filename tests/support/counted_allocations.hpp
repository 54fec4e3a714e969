#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <malloc.h>
#include <new>

// Replaces the allocation functions of the program and counts calls and bytes. One source of a program
// includes it. Every form is replaced: memory of a form that is left out would be freed by a function that
// did not allocate it.

namespace counted_allocations {

inline std::atomic<std::size_t> calls{0};
inline std::atomic<std::size_t> live_bytes{0};
inline std::atomic<std::size_t> peak_bytes{0};

inline void* try_allocate(std::size_t size, std::size_t alignment) noexcept {
    ++calls;
    void* memory = nullptr;
    if (::posix_memalign(&memory, alignment, size) != 0) return nullptr;
    const std::size_t now = live_bytes += ::malloc_usable_size(memory);
    std::size_t before = peak_bytes;
    while (before < now && !peak_bytes.compare_exchange_weak(before, now)) {
    }
    return memory;
}

inline void* allocate(std::size_t size, std::size_t alignment) {
    void* const memory = try_allocate(size, alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

inline void release(void* memory) noexcept {
    if (memory == nullptr) return;
    live_bytes -= ::malloc_usable_size(memory);
    std::free(memory);
}

inline constexpr std::size_t default_alignment = alignof(std::max_align_t);

} // namespace counted_allocations

// NOLINTBEGIN(misc-definitions-in-headers): replacements of allocation functions cannot be inline.
void* operator new(std::size_t size) {
    return counted_allocations::allocate(size, counted_allocations::default_alignment);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counted_allocations::try_allocate(size, counted_allocations::default_alignment);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted_allocations::allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return counted_allocations::try_allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { counted_allocations::release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { counted_allocations::release(memory); }
void operator delete(void* memory, std::size_t) noexcept { counted_allocations::release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { counted_allocations::release(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
    counted_allocations::release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    counted_allocations::release(memory);
}
// NOLINTEND(misc-definitions-in-headers)
