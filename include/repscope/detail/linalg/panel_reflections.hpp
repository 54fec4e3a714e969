#pragma once

#include "repscope/detail/linalg/strip_product.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// A reflection x - v (v . x) that maps a vector to `first` times the first unit vector: v is `scale` times
/// the vector with its first element replaced by `pivot`. v . v is 2, or `scale` is 0 and v is 0.
template <typename T>
struct reflection {
    T first, pivot, scale;
};

/// The reflection of a vector with this first element and this sum of squares of the others. A sum that is
/// close to the smallest number counts as 0: elements of the matrices here are at most 1, so the error is
/// far below the rounding.
template <typename T>
[[nodiscard]] inline reflection<T> reflection_of(T first, T others) noexcept {
    constexpr T smallest = (std::numeric_limits<T>::min)() / std::numeric_limits<T>::epsilon();
    if (!(others > smallest)) return {first, 0, 0};
    const T length = std::sqrt(first * first + others);
    const T result = first > 0 ? -length : length;
    return {result, first - result, 1 / std::sqrt(length * (length + std::abs(first)))};
}

/// Computes the reflections that make a panel (rows, 32), row-major without gaps, upper triangular.
class panel_columns {
  public:
    /// One pass over the rows below `column - 1`: subtracts `weights` times the element in column
    /// `column - 1`, then adds each row times its element in `column` to `sums`, for rows below `column`.
    /// Columns before `From` are complete and left out.
    template <std::size_t From, typename T>
    static void pass(T* panel, std::size_t rows, std::size_t column, const T* weights, T* sums) noexcept {
        using vector = typename strip_tile<T>::vector;
        constexpr std::size_t lanes = strip_tile<T>::lanes, count = (strip_width - From) / lanes;
        vector weight[count], sum[count];
        for (std::size_t g = 0; g < count; ++g) {
            weight[g] = load_vector<vector>(weights + From + g * lanes);
            sum[g] = vector{};
        }
        for (std::size_t r = column; r < rows; ++r) {
            T* row = panel + r * strip_width;
            vector value[count];
            const vector before = broadcast<vector>(column == 0 ? T(0) : -row[column - 1]);
            unrolled<count>([&](auto g) __attribute__((always_inline)) {
                value[g] =
                    multiply_add<has_fused>(before, weight[g], load_vector<vector>(row + From + g * lanes));
                std::memcpy(row + From + g * lanes, &value[g], sizeof(vector));
            });
            if (r == column) continue;
            const vector element = broadcast<vector>(row[column]);
            unrolled<count>([&](auto g) __attribute__((always_inline)) {
                sum[g] = multiply_add<has_fused>(element, value[g], sum[g]);
            });
        }
        for (std::size_t g = 0; g < count; ++g) std::memcpy(sums + From + g * lanes, &sum[g], sizeof(vector));
    }
};

/// Reduces a panel (rows, 32), row-major without gaps, to the upper triangular R by min(32, rows - 1)
/// reflections. On return the panel holds their vectors, one per column, and `triangle` (32, 32) holds R; its
/// rows from `rows` on are not written.
template <typename T>
void reflect_panel(T* panel, std::size_t rows, T* triangle) noexcept {
    constexpr std::size_t width = strip_width;
    const std::size_t count = (std::min)(width, rows - 1);
    T weights[width] = {}, sums[width] = {}, scales[width] = {}, pivots[width] = {};
    for (std::size_t j = 0; j <= count; ++j) {
        if (j == width) break;
        // The last pass of a short panel only subtracts.
        if (j < width / 2)
            panel_columns::pass<0>(panel, rows, j, weights, sums);
        else
            panel_columns::pass<width / 2>(panel, rows, j, weights, sums);
        if (j == count) break;
        T* row = panel + j * width;
        const reflection<T> r = reflection_of(row[j], sums[j]);
        scales[j] = r.scale;
        pivots[j] = r.pivot;
        std::fill_n(weights, j + 1, T(0));
        for (std::size_t c = j + 1; c < width; ++c) {
            weights[c] = r.scale * r.scale * (sums[c] + r.pivot * row[c]);
            row[c] -= r.pivot * weights[c];
        }
        row[j] = r.first;
    }
    for (std::size_t r = 0; r < rows; ++r) {
        T* row = panel + r * width;
        if (r < width) {
            for (std::size_t c = 0; c < width; ++c)
                triangle[r * width + c] = c < r && c < count ? T(0) : row[c];
            row[r] = pivots[r];
            std::fill(row + r + 1, row + width, T(0));
        }
        for (std::size_t c = 0; c < width; ++c) row[c] *= scales[c];
    }
}

/// Computes the upper triangular T of a product of reflections I - V T V^T from `gram`, V^T V: (32, 32)
/// each. T is the inverse of the part of `gram` above the diagonal plus the identity. Source: Puglisi 1992.
template <typename T>
void invert_reflections(const T* gram, T* inverse) noexcept {
    constexpr std::size_t width = strip_width;
    std::fill_n(inverse, width * width, T(0));
    for (std::size_t i = width; i-- > 0;) {
        T* row = inverse + i * width;
        row[i] = 1;
        for (std::size_t k = i + 1; k < width; ++k) {
            const T factor = gram[i * width + k];
            for (std::size_t c = 0; c < width; ++c) row[c] -= factor * inverse[k * width + c];
        }
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
