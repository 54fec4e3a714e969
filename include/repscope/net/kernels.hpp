#pragma once

#include "repscope/net/simd.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace repscope {
inline namespace v0 {
namespace net::detail {

/// A stretch of memory, relative to a pixel, that enters a product.
struct stretch {
    std::ptrdiff_t offset = 0;
    std::size_t length = 0;
};

/// Pixels of a tile, and vectors of columns of a panel: 12 accumulators, 2 vectors of weights and a broadcast
/// fill the 16 registers.
inline constexpr std::size_t tile_rows = 6;
inline constexpr std::size_t tile_vectors = 2;

template <typename T>
inline constexpr std::size_t panel_width = tile_vectors* pack<T>::width;

/// Columns after padding the last panel to whole vectors.
template <typename T>
[[nodiscard]] constexpr std::size_t padded_columns(std::size_t columns) noexcept {
    return (columns + pack<T>::width - 1) / pack<T>::width * pack<T>::width;
}

/// What happens to a tile when its sum is complete.
template <typename T>
struct epilogue {
    const T* bias = nullptr; ///< added, one a column, padded to whole vectors
    bool accumulate = false; ///< added to what stands in the output
    bool relu = false;
};

/// out[r][j] = sum over the stretches s and their elements k of in[r][s.offset + k] weights[k'][j], k'
/// counting through all stretches.
template <typename Ops, std::size_t Rows, std::size_t Vectors, typename T>
inline void product_tile(const T* const* in, T* const* out, std::span<const stretch> stretches,
                         const T* weights, std::size_t columns, const epilogue<T>& end) noexcept {
    using vector = typename Ops::type;
    constexpr std::size_t width = Ops::width;
    vector sum[Rows][Vectors];
    for (std::size_t v = 0; v < Vectors; ++v) {
        const vector start = end.bias != nullptr ? Ops::load(end.bias + v * width) : vector{};
        for (std::size_t r = 0; r < Rows; ++r) sum[r][v] = start;
    }
    for (const stretch& part : stretches) {
        const T* row[Rows];
        for (std::size_t r = 0; r < Rows; ++r) row[r] = in[r] + part.offset;
        for (std::size_t k = 0; k < part.length; ++k) {
            vector weight[Vectors];
            for (std::size_t v = 0; v < Vectors; ++v) weight[v] = Ops::load(weights + v * width);
            weights += Vectors * width;
            for (std::size_t r = 0; r < Rows; ++r) {
                const vector value = Ops::broadcast(row[r][k]);
                for (std::size_t v = 0; v < Vectors; ++v) {
                    sum[r][v] = Ops::multiply_add(value, weight[v], sum[r][v]);
                }
            }
        }
    }
    if (columns == Vectors * width) {
        for (std::size_t r = 0; r < Rows; ++r) {
            for (std::size_t v = 0; v < Vectors; ++v) {
                vector value = sum[r][v];
                if (end.accumulate) value += Ops::load(out[r] + v * width);
                if (end.relu) value = Ops::where_positive(value, value);
                Ops::store(out[r] + v * width, value);
            }
        }
        return;
    }
    for (std::size_t r = 0; r < Rows; ++r) {
        T values[Vectors * width];
        for (std::size_t v = 0; v < Vectors; ++v) Ops::store(values + v * width, sum[r][v]);
        for (std::size_t j = 0; j < columns; ++j) {
            T value = end.accumulate ? values[j] + out[r][j] : values[j];
            if (end.relu && !(value > T(0))) value = T(0);
            out[r][j] = value;
        }
    }
}

/// `product_tile` for a number of rows known at run time.
template <std::size_t Vectors, typename T>
inline void product_rows(std::size_t rows, const T* const* in, T* const* out,
                         std::span<const stretch> stretches, const T* weights, std::size_t columns,
                         const epilogue<T>& end) noexcept {
    using ops = pack<T>;
    switch (rows) {
    case 6:
        return product_tile<ops, 6, Vectors>(in, out, stretches, weights, columns, end);
    case 5:
        return product_tile<ops, 5, Vectors>(in, out, stretches, weights, columns, end);
    case 4:
        return product_tile<ops, 4, Vectors>(in, out, stretches, weights, columns, end);
    case 3:
        return product_tile<ops, 3, Vectors>(in, out, stretches, weights, columns, end);
    case 2:
        return product_tile<ops, 2, Vectors>(in, out, stretches, weights, columns, end);
    default:
        return product_tile<ops, 1, Vectors>(in, out, stretches, weights, columns, end);
    }
}

/// The pixels of a few samples as one operand of a sum over pixels.
template <typename T>
struct pixel_grid {
    const T* data = nullptr;
    std::ptrdiff_t image = 0, row = 0, step = 0;
};

/// out[r][j] += sum over the pixels of left[r] right[j].
template <typename Ops, std::size_t Rows, std::size_t Vectors, typename T>
inline void outer_tile(const pixel_grid<T>& left, const pixel_grid<T>& right, std::size_t images,
                       std::size_t height, std::size_t width, T* out, std::size_t pitch) noexcept {
    using vector = typename Ops::type;
    vector sum[Rows][Vectors];
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t v = 0; v < Vectors; ++v) sum[r][v] = Ops::load(out + r * pitch + v * Ops::width);
    }
    for (std::size_t n = 0; n < images; ++n) {
        for (std::size_t y = 0; y < height; ++y) {
            const T* a = left.data + static_cast<std::ptrdiff_t>(n) * left.image +
                         static_cast<std::ptrdiff_t>(y) * left.row;
            const T* b = right.data + static_cast<std::ptrdiff_t>(n) * right.image +
                         static_cast<std::ptrdiff_t>(y) * right.row;
            for (std::size_t x = 0; x < width; ++x) {
                vector value[Vectors];
                for (std::size_t v = 0; v < Vectors; ++v) value[v] = Ops::load(b + v * Ops::width);
                for (std::size_t r = 0; r < Rows; ++r) {
                    const vector factor = Ops::broadcast(a[r]);
                    for (std::size_t v = 0; v < Vectors; ++v) {
                        sum[r][v] = Ops::multiply_add(factor, value[v], sum[r][v]);
                    }
                }
                a += left.step;
                b += right.step;
            }
        }
    }
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t v = 0; v < Vectors; ++v) Ops::store(out + r * pitch + v * Ops::width, sum[r][v]);
    }
}

/// `outer_tile` over all elements of the stretches, which are the rows, and all columns; `out` is (rows,
/// padded columns).
template <typename T>
inline void outer_product(const pixel_grid<T>& left, std::span<const stretch> stretches,
                          const pixel_grid<T>& right, std::size_t columns, std::size_t images,
                          std::size_t height, std::size_t width, T* out) noexcept {
    using ops = pack<T>;
    const std::size_t pitch = padded_columns<T>(columns);
    const auto panel = [&]<std::size_t Vectors>(std::size_t column) {
        const pixel_grid<T> part{right.data + column, right.image, right.row, right.step};
        T* to = out + column;
        for (const stretch& rows : stretches) {
            pixel_grid<T> from{left.data + rows.offset, left.image, left.row, left.step};
            const auto tile = [&]<std::size_t Rows>() {
                outer_tile<ops, Rows, Vectors>(from, part, images, height, width, to, pitch);
                from.data += Rows;
                to += Rows * pitch;
            };
            std::size_t left_over = rows.length;
            for (; left_over >= 6; left_over -= 6) tile.template operator()<6>();
            for (; left_over >= 4; left_over -= 4) tile.template operator()<4>();
            for (; left_over >= 3; left_over -= 3) tile.template operator()<3>();
            for (; left_over >= 1; left_over -= 1) tile.template operator()<1>();
        }
    };
    std::size_t column = 0;
    for (; column + tile_vectors * ops::width <= pitch; column += tile_vectors * ops::width) {
        panel.template operator()<tile_vectors>(column);
    }
    if (column < pitch) panel.template operator()<1>(column);
}

} // namespace net::detail
} // namespace v0
} // namespace repscope
