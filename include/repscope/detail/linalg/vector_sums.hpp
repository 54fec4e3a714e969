#pragma once

#include "repscope/version.hpp"

#include <cstddef>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// The sum of the 2, 4 or 8 doubles of a vector, halves first.
template <typename Vector>
[[nodiscard]] inline double sum_of_vector(Vector value) noexcept {
    if constexpr (sizeof(Vector) == 64) {
        value += __builtin_shufflevector(value, value, 4, 5, 6, 7, 0, 1, 2, 3);
        value += __builtin_shufflevector(value, value, 2, 3, 0, 1, 6, 7, 4, 5);
    } else if constexpr (sizeof(Vector) == 32) {
        value += __builtin_shufflevector(value, value, 2, 3, 0, 1);
    }
    return value[0] + value[1];
}

/// Writes the sum of the elements of each of as many vectors as a vector has doubles.
template <typename Vector, std::size_t Lanes>
inline void sums_of_vectors(const Vector (&values)[Lanes], Vector& sums) noexcept {
    static_assert(sizeof(Vector) == Lanes * sizeof(double));
    if constexpr (Lanes == 8) {
        Vector pair[4], four[2];
        for (std::size_t k = 0; k < 4; ++k) {
            const Vector a = values[2 * k], b = values[2 * k + 1];
            pair[k] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) +
                      __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
        }
        for (std::size_t k = 0; k < 2; ++k) {
            const Vector a = pair[2 * k], b = pair[2 * k + 1];
            four[k] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
                      __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
        }
        sums = __builtin_shufflevector(four[0], four[1], 0, 1, 2, 3, 8, 9, 10, 11) +
               __builtin_shufflevector(four[0], four[1], 4, 5, 6, 7, 12, 13, 14, 15);
    } else {
        for (std::size_t k = 0; k < Lanes; ++k) sums[k] = sum_of_vector(values[k]);
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
