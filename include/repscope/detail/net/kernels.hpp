#pragma once

#include "repscope/detail/net/packs.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A segment of memory, relative to a pixel, that enters a product.
struct segment {
    std::ptrdiff_t offset = 0;
    std::size_t length = 0;
};

/// Number of pixels of a tile, and of vectors of columns of a panel. Of 16 registers, 12 accumulators, 2
/// vectors of weights and a broadcast leave one; with 32 registers, more rows hide the latency of products in
/// one vector.
inline constexpr std::size_t tile_rows = vector_bytes == 64 ? 8 : 6;
inline constexpr std::size_t tile_vectors = 2;

/// Up to this number of columns a vector of columns would be mostly empty, so the vector runs along the
/// depth.
inline constexpr std::size_t few_columns = 3;

template <typename T>
inline constexpr std::size_t panel_width = tile_vectors* pack<T>::width;

/// Number of columns after padding the last panel to whole vectors.
template <typename T>
[[nodiscard]] constexpr std::size_t padded_columns(std::size_t columns) noexcept {
    return (columns + pack<T>::width - 1) / pack<T>::width * pack<T>::width;
}

/// The operation on a tile when its sum is complete.
template <typename T>
struct epilogue {
    const T* bias = nullptr; ///< added, one per column, padded to whole vectors
    bool accumulate = false; ///< added to the output
    bool relu = false;
};

/// out[r][j] = sum over the stretches s and their elements k of in[r][s.offset + k] weights[k'][j], where k'
/// counts through all stretches.
template <typename Ops, std::size_t Rows, std::size_t Vectors, typename T>
inline void product_tile(const T* const* in, T* const* out, std::span<const segment> stretches,
                         const T* weights, std::size_t columns, const epilogue<T>& end) noexcept {
    using vector = typename Ops::type;
    constexpr std::size_t width = Ops::width;
    vector sum[Rows][Vectors];
    unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
        const vector start = end.bias != nullptr ? Ops::load(end.bias + v * width) : vector{};
        unrolled<Rows>([&](auto r) __attribute__((always_inline)) { sum[r][v] = start; });
    });
    for (const segment& part : stretches) {
        const T* row[Rows];
        unrolled<Rows>([&](auto r) __attribute__((always_inline)) { row[r] = in[r] + part.offset; });
        for (std::size_t k = 0; k < part.length; ++k) {
            vector weight[Vectors];
            unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
                weight[v] = Ops::load(weights + v * width);
            });
            weights += Vectors * width;
            unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
                const vector value = Ops::broadcast(row[r][k]);
                unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
                    sum[r][v] = Ops::multiply_add(value, weight[v], sum[r][v]);
                });
            });
        }
    }
    if (columns == Vectors * width) {
        unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
            unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
                vector value = sum[r][v];
                if (end.accumulate) value += Ops::load(out[r] + v * width);
                if (end.relu) value = Ops::rectified(value);
                Ops::store(out[r] + v * width, value);
            });
        });
        return;
    }
    unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
        T values[Vectors * width];
        unrolled<Vectors>([&](auto v)
                              __attribute__((always_inline)) { Ops::store(values + v * width, sum[r][v]); });
        for (std::size_t j = 0; j < columns; ++j) {
            T value = end.accumulate ? values[j] + out[r][j] : values[j];
            if (end.relu) value = single<T>::rectified(value);
            out[r][j] = value;
        }
    });
}

/// `product_tile` for a number of rows that is set at run time.
template <std::size_t Vectors, typename T, std::size_t Rows = tile_rows>
inline void product_rows(std::size_t rows, const T* const* in, T* const* out,
                         std::span<const segment> stretches, const T* weights, std::size_t columns,
                         const epilogue<T>& end) noexcept {
    if constexpr (Rows > 1) {
        if (rows < Rows) {
            return product_rows<Vectors, T, Rows - 1>(rows, in, out, stretches, weights, columns, end);
        }
    }
    product_tile<pack<T>, Rows, Vectors>(in, out, stretches, weights, columns, end);
}

/// The same for rows and few columns, where `weights` are (columns, depth): vectors along the stretches. A
/// load of an input serves all columns, and a load of weights all rows.
template <std::size_t Rows, std::size_t Columns, typename T>
inline void product_few_tile(const T* const* in, T* const* out, std::span<const segment> stretches,
                             const T* weights, std::size_t depth, const epilogue<T>& end) noexcept {
    using ops = pack<T>;
    using vector = typename ops::type;
    constexpr std::size_t width = ops::width;
    vector sum[Rows][Columns] = {}, other[Rows][Columns] = {};
    T rest[Rows][Columns];
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t j = 0; j < Columns; ++j) rest[r][j] = end.bias != nullptr ? end.bias[j] : T(0);
    }
    const auto add = [&](const T* const* row, const T* factor, vector(&to)[Rows][Columns])
        __attribute__((always_inline)) {
        vector weight[Columns];
        unrolled<Columns>([&](auto j)
                              __attribute__((always_inline)) { weight[j] = ops::load(factor + j * depth); });
        unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
            const vector value = ops::load(row[r]);
            unrolled<Columns>([&](auto j) __attribute__((always_inline)) {
                to[r][j] = ops::multiply_add(value, weight[j], to[r][j]);
            });
        });
    };
    for (const segment& part : stretches) {
        const T* row[Rows];
        unrolled<Rows>([&](auto r) __attribute__((always_inline)) { row[r] = in[r] + part.offset; });
        const auto advance = [&](std::size_t count) __attribute__((always_inline)) {
            unrolled<Rows>([&](auto r) __attribute__((always_inline)) { row[r] += count; });
            weights += count;
        };
        std::size_t k = 0;
        for (; k + 2 * width <= part.length; k += 2 * width) {
            add(row, weights, sum);
            advance(width);
            add(row, weights, other);
            advance(width);
        }
        for (; k + width <= part.length; k += width) {
            add(row, weights, sum);
            advance(width);
        }
        for (; k < part.length; ++k) {
            for (std::size_t r = 0; r < Rows; ++r) {
                for (std::size_t j = 0; j < Columns; ++j) rest[r][j] += *row[r] * weights[j * depth];
            }
            advance(1);
        }
    }
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t j = 0; j < Columns; ++j) {
            T value = ops::sum(sum[r][j] + other[r][j]) + rest[r][j];
            if (end.accumulate) value += out[r][j];
            if (end.relu) value = single<T>::rectified(value);
            out[r][j] = value;
        }
    }
}

/// Number of rows of `product_few_tile`.
inline constexpr std::size_t few_rows = vector_bytes == 64 ? 4 : 2;

/// `product_few_tile` for up to `few_rows` rows and `few_columns` columns.
template <typename T, std::size_t Columns = few_columns>
inline void product_few(std::size_t rows, const T* const* in, T* const* out,
                        std::span<const segment> stretches, const T* weights, std::size_t depth,
                        std::size_t columns, const epilogue<T>& end) noexcept {
    if constexpr (Columns > 1) {
        if (columns < Columns) {
            return product_few<T, Columns - 1>(rows, in, out, stretches, weights, depth, columns, end);
        }
    }
    if (rows == few_rows) return product_few_tile<few_rows, Columns>(in, out, stretches, weights, depth, end);
    for (std::size_t r = 0; r < rows; ++r) {
        product_few_tile<1, Columns>(in + r, out + r, stretches, weights, depth, end);
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
    const auto each = [&](auto&& body) __attribute__((always_inline)) {
        unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
            unrolled<Vectors>([&](auto v) __attribute__((always_inline)) { body(r, v); });
        });
    };
    each([&](auto r, auto v)
             __attribute__((always_inline)) { sum[r][v] = Ops::load(out + r * pitch + v * Ops::width); });
    for (std::size_t n = 0; n < images; ++n) {
        for (std::size_t y = 0; y < height; ++y) {
            const T* a = left.data + static_cast<std::ptrdiff_t>(n) * left.image +
                         static_cast<std::ptrdiff_t>(y) * left.row;
            const T* b = right.data + static_cast<std::ptrdiff_t>(n) * right.image +
                         static_cast<std::ptrdiff_t>(y) * right.row;
            for (std::size_t x = 0; x < width; ++x) {
                vector value[Vectors];
                unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
                    value[v] = Ops::load(b + v * Ops::width);
                });
                unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
                    const vector factor = Ops::broadcast(a[r]);
                    unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
                        sum[r][v] = Ops::multiply_add(factor, value[v], sum[r][v]);
                    });
                });
                a += left.step;
                b += right.step;
            }
        }
    }
    each([&](auto r, auto v)
             __attribute__((always_inline)) { Ops::store(out + r * pitch + v * Ops::width, sum[r][v]); });
}

/// `outer_tile` over all elements of the stretches, which are the rows, and all columns; `out` is (rows,
/// padded columns).
template <typename T>
inline void outer_product(const pixel_grid<T>& left, std::span<const segment> stretches,
                          const pixel_grid<T>& right, std::size_t columns, std::size_t images,
                          std::size_t height, std::size_t width, T* out) noexcept {
    using ops = pack<T>;
    const std::size_t pitch = padded_columns<T>(columns);
    const auto panel = [&]<std::size_t Vectors>(std::size_t column) {
        const pixel_grid<T> part{right.data + column, right.image, right.row, right.step};
        T* to = out + column;
        for (const segment& rows : stretches) {
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
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
