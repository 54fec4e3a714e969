#pragma once

#include "repscope/detail/target/simd.hpp"

#include <cstddef>
#include <cstring>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

// Numbers at a time, by the compiler's vectors: the conversion to double bounds the speed of a pass over
// float data, and automatic vectorization takes twice as long for it. The width determines the order of
// additions.
inline constexpr std::size_t value_width = vector_bytes == 64 ? 8 : 4;

/// Adds the halves of eight numbers; four are copied.
inline void fold(const simd_vector<double, 4>& v, simd_vector<double, 4>& into) noexcept { into = v; }
inline void fold(const simd_vector<double, 8>& v, simd_vector<double, 4>& into) noexcept {
    into = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
}

/// (v[0] + v[2]) + (v[1] + v[3]) of each of `Maps` vectors, into `sums`: four at once by transposing them.
template <std::size_t Maps>
inline void sums_across(const simd_vector<double, 4>* v, double* sums) noexcept {
    if constexpr (Maps == 4) {
        const auto ab =
            __builtin_shufflevector(v[0], v[1], 0, 1, 4, 5) + __builtin_shufflevector(v[0], v[1], 2, 3, 6, 7);
        const auto cd =
            __builtin_shufflevector(v[2], v[3], 0, 1, 4, 5) + __builtin_shufflevector(v[2], v[3], 2, 3, 6, 7);
        const auto all =
            __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
        std::memcpy(sums, &all, sizeof all);
    } else {
        for (std::size_t map = 0; map < Maps; ++map)
            sums[map] = (v[map][0] + v[map][2]) + (v[map][1] + v[map][3]);
    }
}

/// Elements [0, Width) at `from`, in double; with `Rectify`, negative ones become 0 (a NaN is kept).
template <bool Rectify, std::size_t Width, typename Scalar>
inline void load_values(const Scalar* from, simd_vector<double, Width>& into) {
    if constexpr (sizeof(Scalar) == sizeof(float)) {
        using floats = simd_vector<float, Width>;
        floats values;
        std::memcpy(&values, from, sizeof values);
        if constexpr (Rectify) values = values < floats{} ? floats{} : values;
        widen(values, into);
    } else {
        std::memcpy(&into, from, sizeof into);
        if constexpr (Rectify)
            into = into < simd_vector<double, Width>{} ? simd_vector<double, Width>{} : into;
    }
}

/// Writes the sums of `Maps` adjacent maps of `positions` elements, divided by `positions`, to `means`. The
/// additions of a map are the same for one map and for several.
template <bool Rectify, std::size_t Maps, std::size_t Width, typename Scalar>
inline void means_of_maps(const Scalar* first, std::size_t positions, double share, double* means) {
    using doubles = simd_vector<double, Width>;
    doubles sums[Maps] = {};
    const std::size_t whole = positions / Width * Width;
    for (std::size_t p = 0; p < whole; p += Width) {
        for (std::size_t map = 0; map < Maps; ++map) {
            doubles values;
            load_values<Rectify, Width>(first + map * positions + p, values);
            sums[map] += values;
        }
    }
    simd_vector<double, 4> folded[Maps];
    for (std::size_t map = 0; map < Maps; ++map) fold(sums[map], folded[map]);
    double totals[Maps];
    sums_across<Maps>(folded, totals);
    for (std::size_t map = 0; map < Maps; ++map) {
        double sum = totals[map];
        for (std::size_t p = whole; p < positions; ++p) {
            const Scalar x = first[map * positions + p];
            sum += static_cast<double>(Rectify && x < Scalar(0) ? Scalar(0) : x);
        }
        means[map] = sum * share;
    }
}

/// Prefetches the bytes two pages after `first` and `count` elements of it: the processor's own prefetching
/// stops at the ends of pages.
template <typename Scalar>
inline void prefetch_ahead(const Scalar* first, std::size_t count) noexcept {
    constexpr std::size_t line_elements = 64 / sizeof(Scalar), a_page = 4096 / sizeof(Scalar);
    for (std::size_t i = 0; i < count; i += line_elements) __builtin_prefetch(first + 2 * a_page + i);
}

} // namespace detail

/// Writes the means over positions of the units of one sample [unit][position], in double, to `values`: the
/// units' values for a statistic. With `Rectify`, those of max(element, 0).
///
/// The order of the additions depends only on `positions` and the width of the target's vectors. A NaN or
/// infinite element makes its unit's mean not finite; `Rectify` keeps a NaN too.
template <bool Rectify, std::size_t Width = detail::value_width, typename Scalar>
void unit_values(const Scalar* sample, std::size_t units, std::size_t positions, double* values) {
    if (positions == 1) {
        std::size_t unit = 0;
        for (; unit + Width <= units; unit += Width) {
            detail::simd_vector<double, Width> several;
            detail::load_values<Rectify, Width>(sample + unit, several);
            std::memcpy(values + unit, &several, sizeof several);
        }
        for (; unit < units; ++unit) {
            const Scalar x = sample[unit];
            values[unit] = static_cast<double>(Rectify && x < Scalar(0) ? Scalar(0) : x);
        }
        return;
    }
    const double share = 1 / static_cast<double>(positions);
    std::size_t unit = 0;
    for (; unit + 4 <= units; unit += 4) {
        detail::prefetch_ahead(sample + unit * positions, 4 * positions);
        detail::means_of_maps<Rectify, 4, Width>(sample + unit * positions, positions, share, values + unit);
    }
    for (; unit < units; ++unit) {
        detail::means_of_maps<Rectify, 1, Width>(sample + unit * positions, positions, share, values + unit);
    }
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
