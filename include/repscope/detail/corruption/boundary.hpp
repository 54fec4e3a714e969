#pragma once

#include "repscope/version.hpp"

#include <cstddef>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// The continuation of a line beyond its ends: its last element (a a | a b c | c c), or mirrored (b a | a b c
/// | c b).
enum class beyond : unsigned char { clamp, reflect };

[[nodiscard]] inline std::size_t index_beyond(std::ptrdiff_t i, std::size_t n, beyond rule) noexcept {
    const auto size = static_cast<std::ptrdiff_t>(n);
    if (rule == beyond::clamp) return static_cast<std::size_t>(i < 0 ? 0 : i >= size ? size - 1 : i);
    std::ptrdiff_t folded = i % (2 * size);
    if (folded < 0) folded += 2 * size;
    return static_cast<std::size_t>(folded < size ? folded : 2 * size - 1 - folded);
}

/// A line mirrored about its outermost elements (c b | a b c | b a).
[[nodiscard]] inline std::size_t mirror_101(std::ptrdiff_t i, std::size_t n) noexcept {
    const auto last = static_cast<std::ptrdiff_t>(n) - 1;
    while (i < 0 || i > last) i = i < 0 ? -i : 2 * last - i;
    return static_cast<std::size_t>(i);
}

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
