#pragma once

#include "repscope/detail/target/simd.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Columns of the strips that `add_strip_product` multiplies, and width of the band of `reduce_to_band`.
inline constexpr std::size_t strip_width = 32;

/// The part of a product of T that is summed in registers: `rows` rows of `vectors` vectors.
template <typename T>
struct strip_tile {
    static constexpr std::size_t lanes = vector_bytes / sizeof(T);
    static constexpr std::size_t vectors = (std::min)(std::size_t{4}, strip_width / lanes);
    static constexpr std::size_t rows = vector_bytes == 64 ? 6 : vector_bytes == 32 ? 3 : 2;
    using vector = simd_vector<T, lanes>;
};

/// C = keep C + scale A B, where B is a strip (depth, 32), row-major without gaps, and C is (rows, 32).
///
/// Element (i, k) of A is at `a[i * a_row + k * a_step]`, so that A may be transposed; element (i, j) of C at
/// `c[i * c_row + j]`. C is not read when `keep` is 0. Every element is the sum over k in increasing order.
template <typename T>
void add_strip_product(std::size_t rows, std::size_t depth, const T* a, std::size_t a_row, std::size_t a_step,
                       const T* b, T scale, T keep, T* c, std::size_t c_row) noexcept {
    using tile = strip_tile<T>;
    using vector = typename tile::vector;
    constexpr std::size_t width = tile::vectors * tile::lanes;
    const vector scales = broadcast<vector>(scale), factors = broadcast<vector>(keep);
    for (std::size_t i = 0; i < rows; i += tile::rows) {
        // Rows behind the last one repeat it and are not stored.
        const std::size_t count = (std::min)(tile::rows, rows - i);
        const T* row[tile::rows];
        for (std::size_t r = 0; r < tile::rows; ++r) row[r] = a + (i + (std::min)(r, count - 1)) * a_row;
        for (std::size_t j = 0; j < strip_width; j += width) {
            vector sum[tile::rows][tile::vectors];
            unrolled<tile::rows>([&](auto r) __attribute__((always_inline)) {
                unrolled<tile::vectors>([&](auto v) __attribute__((always_inline)) { sum[r][v] = vector{}; });
            });
            const T* strip = b + j;
            for (std::size_t k = 0; k < depth; ++k, strip += strip_width) {
                vector right[tile::vectors];
                unrolled<tile::vectors>([&](auto v) __attribute__((always_inline)) {
                    right[v] = load_vector<vector>(strip + v * tile::lanes);
                });
                unrolled<tile::rows>([&](auto r) __attribute__((always_inline)) {
                    const vector left = broadcast<vector>(row[r][k * a_step]);
                    unrolled<tile::vectors>([&](auto v) __attribute__((always_inline)) {
                        sum[r][v] = multiply_add<has_fused>(left, right[v], sum[r][v]);
                    });
                });
            }
            unrolled<tile::rows>([&](auto r) __attribute__((always_inline)) {
                if (r >= count) return;
                T* to = c + (i + r) * c_row + j;
                unrolled<tile::vectors>([&](auto v) __attribute__((always_inline)) {
                    vector result = scales * sum[r][v];
                    if (keep != T(0))
                        result = multiply_add<has_fused>(factors, load_vector<vector>(to + v * tile::lanes),
                                                         result);
                    std::memcpy(to + v * tile::lanes, &result, sizeof result);
                });
            });
        }
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
