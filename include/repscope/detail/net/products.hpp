#pragma once

#include "repscope/detail/net/kernels.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// One set of output pixels that read their input through the same stretches.
template <typename T>
struct product_plan {
    std::vector<segment> stretches;
    std::vector<std::ptrdiff_t> in, out; // of every pixel of an image
    std::vector<T> weights; // panels of columns, each (depth, panel width); of few columns (columns, depth)
    std::size_t depth = 0;
};

/// Number of images of this many pixels that are multiplied together, so that tiles of pixels are full and
/// the maps stay in the cache.
[[nodiscard]] inline std::size_t samples_together(std::size_t pixels) noexcept {
    return (std::max<std::size_t>)(1, 192 / (std::max<std::size_t>)(1, pixels));
}

/// Writes `weight(row, column)` to `plan.weights` in the order of `multiply_rows`.
template <typename T, typename Weight>
void arrange_columns(product_plan<T>& plan, std::size_t columns, Weight&& weight) {
    const std::size_t padded = padded_columns<T>(columns);
    plan.weights.resize(plan.depth * padded);
    T* to = plan.weights.data();
    if (columns <= few_columns) {
        for (std::size_t column = 0; column < columns; ++column) {
            for (std::size_t row = 0; row < plan.depth; ++row) *to++ = weight(row, column);
        }
        return;
    }
    for (std::size_t first = 0; first < padded; first += panel_width<T>) {
        const std::size_t last = (std::min)(padded, first + panel_width<T>);
        for (std::size_t row = 0; row < plan.depth; ++row) {
            for (std::size_t column = first; column < last; ++column) {
                *to++ = column < columns ? weight(row, column) : T(0);
            }
        }
    }
}

/// out[row][column] = sum over the depth of in[row] weights, for `rows` pixels of some images from the first
/// pixel of `in` on. `weights` are those of `arrange_columns`.
template <typename T>
void multiply_rows(const product_plan<T>& plan, const T* arranged, const T* in, std::ptrdiff_t in_image,
                   T* out, std::ptrdiff_t out_image, std::size_t rows, std::size_t columns,
                   const epilogue<T>& end) {
    const std::size_t pixels = plan.in.size();
    const std::size_t padded = padded_columns<T>(columns);
    if (columns <= few_columns) {
        std::size_t pixel = 0;
        for (std::size_t row = 0; row < rows;) {
            const T* from[few_rows];
            T* to[few_rows];
            const std::size_t take = (std::min)(few_rows, rows - row);
            for (std::size_t r = 0; r < take; ++r) {
                from[r] = in + plan.in[pixel];
                to[r] = out + plan.out[pixel];
                if (++pixel < pixels) continue;
                pixel = 0;
                in += in_image;
                out += out_image;
            }
            product_few<T>(take, from, to, plan.stretches, arranged, plan.depth, columns, end);
            row += take;
        }
        return;
    }
    for (std::size_t column = 0; column < padded; column += panel_width<T>) {
        const T* weights = arranged + plan.depth * column;
        const std::size_t valid = (std::min)(columns - column, panel_width<T>);
        epilogue<T> part = end;
        if (end.bias != nullptr) part.bias = end.bias + column;
        std::size_t pixel = 0;
        const T* image_in = in;
        T* image_out = out + column;
        for (std::size_t row = 0; row < rows;) {
            const T* from[tile_rows];
            T* to[tile_rows];
            // Tiles of similar height: two medium ones cost less than a full one and a nearly empty one.
            const std::size_t left = rows - row, tiles = (left + tile_rows - 1) / tile_rows;
            const std::size_t take = (left + tiles - 1) / tiles;
            for (std::size_t r = 0; r < take; ++r) {
                from[r] = image_in + plan.in[pixel];
                to[r] = image_out + plan.out[pixel];
                if (++pixel == pixels) {
                    pixel = 0;
                    image_in += in_image;
                    image_out += out_image;
                }
            }
            if (padded - column >= panel_width<T>)
                product_rows<tile_vectors>(take, from, to, plan.stretches, weights, valid, part);
            else
                product_rows<1>(take, from, to, plan.stretches, weights, valid, part);
            row += take;
        }
    }
}

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
