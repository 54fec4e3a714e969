#pragma once

#include "repscope/error.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <span>

namespace repscope {
inline namespace v0 {

/// Number of elements of a tensor with these extents: 1 for rank 0, 0 when an extent is 0.
///
/// Throws `shape_error` when the product does not fit in a signed index, so that neither an allocation nor an
/// offset can wrap. Cost O(rank).
[[nodiscard]] constexpr std::size_t element_count(std::span<const std::size_t> extents) {
    constexpr auto limit = static_cast<std::size_t>((std::numeric_limits<std::ptrdiff_t>::max)());
    std::size_t count = 1;
    bool overflow = false;
    for (const std::size_t extent : extents) {
        if (extent == 0) return 0;
        if (count > limit / extent)
            overflow = true;
        else
            count *= extent;
    }
    if (overflow) {
        detail::throw_shape_error("element_count", "the product of the extents does not fit in an index",
                                  extents);
    }
    return count;
}

/// Strides, in elements, of a dense row-major (C order) tensor with these extents.
template <std::size_t Rank>
[[nodiscard]] constexpr std::array<std::ptrdiff_t, Rank>
row_major_strides(const std::array<std::size_t, Rank>& extents) noexcept {
    std::array<std::ptrdiff_t, Rank> strides{};
    std::ptrdiff_t step = 1;
    for (std::size_t axis = Rank; axis-- > 0;) {
        strides[axis] = step;
        step *= static_cast<std::ptrdiff_t>(extents[axis]);
    }
    return strides;
}

/// Strides, in elements, of a dense column-major (Fortran order) tensor with these extents.
template <std::size_t Rank>
[[nodiscard]] constexpr std::array<std::ptrdiff_t, Rank>
column_major_strides(const std::array<std::size_t, Rank>& extents) noexcept {
    std::array<std::ptrdiff_t, Rank> strides{};
    std::ptrdiff_t step = 1;
    for (std::size_t axis = 0; axis < Rank; ++axis) {
        strides[axis] = step;
        step *= static_cast<std::ptrdiff_t>(extents[axis]);
    }
    return strides;
}

} // namespace v0
} // namespace repscope
