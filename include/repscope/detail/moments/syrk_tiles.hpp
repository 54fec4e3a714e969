#pragma once

#include "repscope/linalg/products.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// Adds the products of the columns of `rows` (count, units) to the lower triangle of `scatter` (units,
/// units), `block_size` rows at a time.
///
/// Tiles of the result are tasks, so samples are never divided, and the assignment to threads changes
/// nothing.
template <product_backend Backend, std::floating_point Scalar>
void add_scatter(const Scalar* rows, std::size_t count, std::size_t units, std::size_t block_size,
                 double* scatter, thread_pool& pool) {
    // Few units are divided into smaller tiles, since there would be too few tasks.
    const std::size_t edge = units <= 512 ? 128 : 256;
    const std::size_t edges = block_count(units, edge);
    const auto product = [&](std::size_t row, std::size_t column, const Scalar* block, std::size_t k,
                             Scalar* target, std::size_t stride, Scalar keep) {
        const std::size_t height = (std::min)(edge, units - row);
        const std::size_t width = (std::min)(edge, units - column);
        if (row == column) {
            if (keep == Scalar(0)) std::fill_n(target, height * stride, Scalar(0));
            Backend::template syrk_add<factor::transposed>(height, k, block + row, units, target, stride);
        } else {
            Backend::template gemm<factor::transposed, factor::as_is>(
                height, width, k, Scalar(1), block + row, units, block + column, units, keep, target, stride);
        }
    };
    std::vector<std::vector<Scalar>> blocks(std::is_same_v<Scalar, double> ? 0 : pool.size());
    const auto add_tile = [&](std::size_t tile, std::size_t worker) {
        std::size_t i = 0;
        while ((i + 1) * (i + 2) / 2 <= tile) ++i;
        const std::size_t row = i * edge;
        const std::size_t column = (tile - i * (i + 1) / 2) * edge;
        double* target = scatter + row * units + column;
        for (std::size_t first = 0; first < count; first += block_size) {
            const std::size_t k = (std::min)(block_size, count - first);
            if constexpr (std::is_same_v<Scalar, double>) {
                product(row, column, rows + first * units, k, target, units, 1);
            } else {
                std::vector<Scalar>& own = blocks[worker];
                own.resize(edge * edge);
                product(row, column, rows + first * units, k, own.data(), edge, 0);
                const std::size_t height = (std::min)(edge, units - row);
                for (std::size_t r = 0; r < height; ++r) {
                    const std::size_t width = row == column ? r + 1 : (std::min)(edge, units - column);
                    for (std::size_t c = 0; c < width; ++c) {
                        target[r * units + c] += static_cast<double>(own[r * edge + c]);
                    }
                }
            }
        }
    };
    const std::size_t tiles = edges * (edges + 1) / 2;
    if constexpr (Backend::concurrent) {
        pool.for_each(tiles, add_tile);
    } else {
        for (std::size_t tile = 0; tile < tiles; ++tile) add_tile(tile, 0);
    }
}

/// Adds the products of `order` centered rows of `units` values with each other to the lower triangle of
/// `gram` (order, order). With `narrow` they are computed in float, from rows scaled by a power of two into
/// its range.
template <product_backend Backend>
void add_gram(const std::vector<double>& rows, std::size_t order, std::size_t units, bool narrow,
              double* gram) {
    if (!narrow) {
        Backend::template syrk_add<factor::as_is>(order, units, rows.data(), units, gram, order);
        return;
    }
    constexpr std::size_t block_size = 512;
    std::vector<float> part(order * block_size);
    std::vector<float> products(order * order);
    double largest = 0;
    for (const double value : rows) largest = (std::max)(largest, std::abs(value));
    const double scale = largest > 0 ? std::ldexp(1.0, -std::clamp(std::ilogb(largest), -500, 500)) : 1;
    for (std::size_t first = 0; first < units; first += block_size) {
        const std::size_t k = (std::min)(block_size, units - first);
        for (std::size_t i = 0; i < order; ++i) {
            for (std::size_t u = 0; u < k; ++u) {
                part[i * k + u] = static_cast<float>(scale * rows[i * units + first + u]);
            }
        }
        std::fill(products.begin(), products.end(), 0.0F);
        Backend::template syrk_add<factor::as_is>(order, k, part.data(), k, products.data(), order);
        for (std::size_t i = 0; i < products.size(); ++i)
            gram[i] += static_cast<double>(products[i]) / scale / scale;
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
