#pragma once

#include <cstddef>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace repscope {
inline namespace v0 {
namespace detail {

// Four numbers at a time by the compiler's vectors: the conversion to double bounds the speed of a pass over
// float data, and vectorisers left to themselves take twice as long for it.
typedef float four_floats __attribute__((vector_size(16)));
typedef double four_doubles __attribute__((vector_size(32)));

/// Elements [0, 4) at `from`, in double; with `Rectify`, negative ones as 0 (a NaN is kept).
template <bool Rectify, typename Scalar>
inline void load_four(const Scalar* from, four_doubles& into) {
    if constexpr (sizeof(Scalar) == sizeof(float)) {
        four_floats values;
        std::memcpy(&values, from, sizeof values);
        if constexpr (Rectify) values = values < four_floats{} ? four_floats{} : values;
#if defined(__AVX__)
        into = _mm256_cvtps_pd(values); // g++ makes three instructions of the portable spelling
#else
        into = __builtin_convertvector(values, four_doubles);
#endif
    } else {
        std::memcpy(&into, from, sizeof into);
        if constexpr (Rectify) into = into < four_doubles{} ? four_doubles{} : into;
    }
}

/// Sums of `Maps` maps of `positions` elements that follow each other, over `positions`, into `means`. One
/// map or several, the additions of a map are the same.
template <bool Rectify, std::size_t Maps, typename Scalar>
inline void means_of_maps(const Scalar* first, std::size_t positions, double share, double* means) {
    four_doubles sums[Maps] = {};
    const std::size_t whole = positions / 4 * 4;
    for (std::size_t p = 0; p < whole; p += 4) {
        for (std::size_t map = 0; map < Maps; ++map) {
            four_doubles values;
            load_four<Rectify>(first + map * positions + p, values);
            sums[map] += values;
        }
    }
    for (std::size_t map = 0; map < Maps; ++map) {
        double sum = (sums[map][0] + sums[map][2]) + (sums[map][1] + sums[map][3]);
        for (std::size_t p = whole; p < positions; ++p) {
            const Scalar x = first[map * positions + p];
            sum += static_cast<double>(Rectify && x < Scalar(0) ? Scalar(0) : x);
        }
        means[map] = sum * share;
    }
}

} // namespace detail

/// Means over positions of the units of one sample [unit][position], in double, into `values`: what a
/// statistic takes as the units' values. With `Rectify`, of max(element, 0).
///
/// The order of the additions depends on `positions` alone. A NaN or infinite element makes its unit's mean
/// not finite; `Rectify` keeps a NaN too.
template <bool Rectify, typename Scalar>
void unit_values(const Scalar* sample, std::size_t units, std::size_t positions, double* values) {
    if (positions == 1) {
        for (std::size_t unit = 0; unit < units; ++unit) {
            const Scalar x = sample[unit];
            values[unit] = static_cast<double>(Rectify && x < Scalar(0) ? Scalar(0) : x);
        }
        return;
    }
    const double share = 1 / static_cast<double>(positions);
    std::size_t unit = 0;
    for (; unit + 4 <= units; unit += 4) {
        detail::means_of_maps<Rectify, 4>(sample + unit * positions, positions, share, values + unit);
    }
    for (; unit < units; ++unit) {
        detail::means_of_maps<Rectify, 1>(sample + unit * positions, positions, share, values + unit);
    }
}

} // namespace v0
} // namespace repscope
