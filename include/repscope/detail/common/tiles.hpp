#pragma once

#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/scalar.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The type in which statistics read an element of type T: `float` if it holds every value exactly (float,
/// half, bfloat16, bool, integers of 8 and 16 bits), otherwise `double`.
template <real_scalar T>
using tile_scalar_t =
    std::conditional_t<std::is_same_v<T, float> || (!std::is_same_v<T, double> && sizeof(T) <= 2), float,
                       double>;

/// Samples as one dense array [sample][unit][position].
template <typename Scalar>
struct tile {
    const Scalar* data = nullptr;
    std::size_t samples = 0;
    std::size_t units = 0;
    std::size_t positions = 0;
};

/// Whether a block of samples of `x` is already a tile in memory.
template <typename T>
[[nodiscard]] constexpr bool is_tile(const activations_view<T>& x) noexcept {
    return std::is_same_v<T, tile_scalar_t<T>> && is_row_major(x);
}

namespace detail {

/// Copies a matrix with converted elements into dense rows. It reads the source along its shorter stride and
/// in squares that fit the first-level cache, so that a column-major source costs about as much as a
/// row-major one.
template <typename T, typename Scalar>
void gather_matrix(const T* source, std::ptrdiff_t row_stride, std::ptrdiff_t column_stride, std::size_t rows,
                   std::size_t columns, Scalar* target, std::size_t target_stride) {
    const auto at = [&](std::size_t row, std::size_t column) -> const T& {
        return source[static_cast<std::ptrdiff_t>(row) * row_stride +
                      static_cast<std::ptrdiff_t>(column) * column_stride];
    };
    if (column_stride == 1) {
        for (std::size_t row = 0; row < rows; ++row) {
            const T* from = &at(row, 0);
            Scalar* to = target + row * target_stride;
            for (std::size_t column = 0; column < columns; ++column)
                to[column] = static_cast<Scalar>(from[column]);
        }
        return;
    }
    constexpr std::size_t square = 32;
    for (std::size_t row = 0; row < rows; row += square) {
        const std::size_t row_end = (std::min)(row + square, rows);
        for (std::size_t column = 0; column < columns; column += square) {
            const std::size_t column_end = (std::min)(column + square, columns);
            for (std::size_t c = column; c < column_end; ++c) {
                for (std::size_t r = row; r < row_end; ++r) {
                    target[r * target_stride + c] = static_cast<Scalar>(at(r, c));
                }
            }
        }
    }
}

} // namespace detail

/// Samples [first, first + count) of `x` as a tile: in place if they are stored in this form, otherwise
/// copied and converted into `scratch`, which grows as needed. The tile is valid as long as `x` and until the
/// next use of `scratch`.
///
/// `x` must have `first + count` samples. Exact: a tile holds the values of the elements. O(elements).
template <typename T>
[[nodiscard]] tile<tile_scalar_t<T>> fetch_tile(const activations_view<T>& x, std::size_t first,
                                                std::size_t count, std::vector<tile_scalar_t<T>>& scratch) {
    using scalar = tile_scalar_t<T>;
    const std::size_t units = x.extent(1);
    const std::size_t rows = x.extent(2);
    const std::size_t columns = x.extent(3);
    const std::size_t positions = rows * columns;
    if constexpr (std::is_same_v<T, scalar>) {
        if (is_row_major(x)) return {x.data_handle() + first * units * positions, count, units, positions};
    }
    scratch.resize(count * units * positions);
    const T* base = x.data_handle() + static_cast<std::ptrdiff_t>(first) * x.stride(0);
    if (positions == 1) { // (samples, units): a matrix, either axis may be contiguous
        detail::gather_matrix(base, x.stride(0), x.stride(1), count, units, scratch.data(), units);
    } else if (columns == 1 || rows == 1 ||
               x.stride(2) == static_cast<std::ptrdiff_t>(columns) * x.stride(3)) {
        // The map is one strided run: a matrix (units, positions) for each sample.
        const std::ptrdiff_t step = columns == 1 ? x.stride(2) : x.stride(3);
        for (std::size_t i = 0; i < count; ++i) {
            detail::gather_matrix(base + static_cast<std::ptrdiff_t>(i) * x.stride(0), x.stride(1), step,
                                  units, positions, scratch.data() + i * units * positions, positions);
        }
    } else {
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t unit = 0; unit < units; ++unit) {
                detail::gather_matrix(base + static_cast<std::ptrdiff_t>(i) * x.stride(0) +
                                          static_cast<std::ptrdiff_t>(unit) * x.stride(1),
                                      x.stride(2), x.stride(3), rows, columns,
                                      scratch.data() + (i * units + unit) * positions, columns);
            }
        }
    }
    return {scratch.data(), count, units, positions};
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
