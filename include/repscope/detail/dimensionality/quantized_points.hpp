#pragma once

#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/detail/target/simd.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Points for searches among all pairs: exact in double, and rounded to a lattice of small integers, whose
/// products are exact and twice as fast as in float. The lattice selects candidates; doubles decide.
///
/// Rounding moves a point by a known distance, so distances on the lattice have an error of at most the sum
/// of those of the two points. Coordinates are relative to the mean, and as large as sums of products in 32
/// bits allow. One point far from all others makes the lattice coarse for them, and searches slow but
/// correct.
class quantized_points {
  public:
    /// Number of points on each side of a tile.
    static constexpr std::size_t tile_rows = 4;
    static constexpr std::size_t tile_columns = 16;
    using tile = std::array<std::array<std::int32_t, tile_columns>, tile_rows>;

    quantized_points(std::vector<double> rows, std::size_t samples, std::size_t units)
        : rows_(std::move(rows)), samples_(samples), units_(units), pairs_((units + 1) / 2),
          lengths_(samples + tile_columns), moved_(samples) {
        const std::size_t groups = block_count(samples, tile_columns);
        std::vector<double> mean(units);
        for (std::size_t i = 0; i < rows_.size(); ++i)
            mean[i % units] += (rows_[i] - rows_[i % units]) / static_cast<double>(samples);
        for (std::size_t u = 0; u < units; ++u) mean[u] += rows_[u];
        double largest = 0;
        for (std::size_t i = 0; i < rows_.size(); ++i)
            largest = (std::max)(largest, std::abs(rows_[i] - mean[i % units]));
        // Squared distances, 4 units levels^2, stay below 2^30; and products of two below 2^30 as well.
        const double levels = (std::min)(8191.0, std::floor(std::sqrt(0x1p28 / static_cast<double>(units))));
        step_ = largest > 0 && levels >= 1 ? largest / levels : 1;
        lattice_.resize(groups * pairs_ * 2 * tile_columns);
        for (std::size_t i = 0; i < samples; ++i) {
            std::int32_t length = 0;
            double moved = 0;
            for (std::size_t u = 0; u < units; ++u) {
                const double exact = (rows_[i * units + u] - mean[u]) / step_;
                const double rounded = levels >= 1 ? std::nearbyint(exact) : 0;
                const auto value = static_cast<std::int16_t>(rounded);
                lattice_[((i / tile_columns * pairs_ + u / 2) * tile_columns + i % tile_columns) * 2 +
                         u % 2] = value;
                length += value * value;
                moved += (exact - rounded) * (exact - rounded);
            }
            lengths_[i] = length;
            // Leaves a margin for the rounding of these numbers.
            moved_[i] = std::sqrt(moved) * (1 + 1e-9) + 1e-9 * levels;
            max_rounding_error_ = (std::max)(max_rounding_error_, moved_[i]);
        }
    }

    [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// Length of a step of the lattice in the units of the data.
    [[nodiscard]] double step() const noexcept { return step_; }
    /// Squared lengths on the lattice, followed by `tile_columns` zeros.
    [[nodiscard]] const std::int32_t* lengths() const noexcept { return lengths_.data(); }
    /// Maximum error of a distance of point `i` to any other on the lattice, in steps.
    [[nodiscard]] double slack(std::size_t i) const noexcept { return moved_[i] + max_rounding_error_; }

    /// Exact, in the units of the data.
    [[nodiscard]] double squared_distance(std::size_t i, std::size_t j) const noexcept {
        const double* a = rows_.data() + i * units_;
        const double* b = rows_.data() + j * units_;
        double sum = 0;
        for (std::size_t u = 0; u < units_; ++u) sum += (a[u] - b[u]) * (a[u] - b[u]);
        return sum;
    }

    /// Calls `each(i, rows, j, columns, products, worker)` for tiles that cover every pair of points once:
    /// points i .. i + rows - 1 and j .. j + columns - 1, where `products[r][c]` is that of i + r and j + c
    /// on the lattice. Tiles on the diagonal contain pairs twice and points with themselves: only j + c > i +
    /// r counts. No two tiles that run at the same time share a point.
    template <typename Each>
    void for_each_tile(thread_pool& pool, Each&& each) const {
        constexpr std::size_t edge = 512;
        static_assert(edge % tile_columns == 0 && tile_columns % tile_rows == 0);
        const std::size_t blocks = block_count(samples_, edge);
        // Rounds of a tournament: in round r block a meets the block b with a + b = r mod blocks.
        for (std::size_t round = 0; round < blocks; ++round) {
            pool.for_each(blocks, [&](std::size_t a, std::size_t worker) {
                const std::size_t b = (round + blocks - a) % blocks;
                if (b < a) return;
                const std::size_t a_end = (std::min)((a + 1) * edge, samples_);
                const std::size_t b_end = (std::min)((b + 1) * edge, samples_);
                tile products;
                for (std::size_t j = b * edge; j < b_end; j += tile_columns) {
                    const std::size_t columns = (std::min)(tile_columns, b_end - j);
                    const std::size_t last = a == b ? (std::min)(a_end, j + columns) : a_end;
                    for (std::size_t i = a * edge; i < last; i += tile_rows) {
                        multiply(i, j, products);
                        each(i, (std::min)(tile_rows, a_end - i), j, columns, products, worker);
                    }
                }
            });
        }
    }

  private:
    /// Products of four points and sixteen. Points are stored in groups of sixteen: two coordinates of each,
    /// then the next two, so that one instruction multiplies two coordinates of eight points.
    void multiply(std::size_t i, std::size_t j, tile& products) const {
        constexpr std::size_t step = 2 * tile_columns;
        const std::int16_t* rows = lattice_.data() + i / tile_columns * pairs_ * step + i % tile_columns * 2;
        const std::int16_t* columns = lattice_.data() + j / tile_columns * pairs_ * step;
        static_assert(tile_rows == 4 && tile_columns == 16);
        if constexpr (pair_bytes == 64) {
            using shorts = simd_vector<std::int16_t, 32>;
            using ints = simd_vector<std::int32_t, 16>;
            ints sums[tile_rows] = {};
            for (std::size_t p = 0; p < pairs_; ++p, rows += step, columns += step) {
                shorts sixteen;
                std::memcpy(&sixteen, columns, sizeof sixteen);
                for (std::size_t r = 0; r < tile_rows; ++r) {
                    shorts both;
                    broadcast_pair(rows + 2 * r, both);
                    add_pair_products(both, sixteen, sums[r]);
                }
            }
            static_assert(sizeof sums == sizeof products);
            std::memcpy(&products, sums, sizeof products);
        } else if constexpr (pair_bytes == 32) {
            using shorts = simd_vector<std::int16_t, 16>;
            using ints = simd_vector<std::int32_t, 8>;
            // Separate variables: compilers keep an array of them in memory.
            ints low_0{}, high_0{}, low_1{}, high_1{}, low_2{}, high_2{}, low_3{}, high_3{};
            for (std::size_t p = 0; p < pairs_; ++p, rows += step, columns += step) {
                shorts left, right;
                std::memcpy(&left, columns, sizeof left);
                std::memcpy(&right, columns + tile_columns, sizeof right);
                const auto add = [&](const std::int16_t* point, ints& low, ints& high) {
                    shorts both;
                    broadcast_pair(point, both);
                    add_pair_products(both, left, low);
                    add_pair_products(both, right, high);
                };
                add(rows, low_0, high_0);
                add(rows + 2, low_1, high_1);
                add(rows + 4, low_2, high_2);
                add(rows + 6, low_3, high_3);
            }
            const ints sums[] = {low_0, high_0, low_1, high_1, low_2, high_2, low_3, high_3};
            static_assert(sizeof sums == sizeof products);
            std::memcpy(&products, sums, sizeof products);
        } else {
            products = {};
            for (std::size_t p = 0; p < pairs_; ++p, rows += step, columns += step) {
                for (std::size_t r = 0; r < tile_rows; ++r) {
                    const std::int32_t first = rows[2 * r], second = rows[2 * r + 1];
                    for (std::size_t c = 0; c < tile_columns; ++c)
                        products[r][c] += first * columns[2 * c] + second * columns[2 * c + 1];
                }
            }
        }
    }

    std::vector<double> rows_;
    std::size_t samples_;
    std::size_t units_;
    std::size_t pairs_;
    std::vector<std::int16_t> lattice_;
    std::vector<std::int32_t> lengths_;
    std::vector<double> moved_;
    double max_rounding_error_ = 0;
    double step_ = 1;
};

/// Rows that differ from all previous ones.
[[nodiscard]] inline std::vector<double> distinct_rows(std::vector<double> rows, std::size_t units) {
    std::vector<std::size_t> order(rows.size() / units);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto row = [&](std::size_t i) { return std::span(rows).subspan(i * units, units); };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const auto left = row(a), right = row(b);
        const auto [l, r] = std::mismatch(left.begin(), left.end(), right.begin());
        return l != left.end() ? *l < *r : a < b;
    });
    std::vector<unsigned char> repeated(order.size());
    for (std::size_t k = 1; k < order.size(); ++k) {
        const auto before = row(order[k - 1]), own = row(order[k]);
        if (std::equal(own.begin(), own.end(), before.begin())) repeated[order[k]] = 1;
    }
    if (std::find(repeated.begin(), repeated.end(), 1) == repeated.end()) return rows;
    std::vector<double> result;
    result.reserve(rows.size());
    for (std::size_t i = 0; i < repeated.size(); ++i) {
        if (repeated[i] == 0) result.insert(result.end(), row(i).begin(), row(i).end());
    }
    return result;
}

/// Distinct points of activations and the number of duplicates, the input of the neighbor estimators.
struct distinct_points {
    quantized_points points;
    std::size_t duplicates = 0;
};

template <typename Activations>
[[nodiscard]] distinct_points distinct_points_of(std::string_view function, const Activations& activations,
                                                 layout axes, thread_pool& pool) {
    const auto x = as_activations(activations, axes, function);
    if (x.empty()) errors::throw_shape_error(function, "expected at least one sample and unit", x.extents());
    std::vector<double> rows = distinct_rows(unit_rows(function, x, pool), x.extent(1));
    const std::size_t left = rows.size() / x.extent(1);
    return {quantized_points(std::move(rows), left, x.extent(1)), x.extent(0) - left};
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
