#pragma once

#include "repscope/dimensionality/nearest_neighbors.hpp"
#include "repscope/statistics/summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `correlation_dimension`.
struct correlation_dimension_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// The two radii are the median distances to the k1-th and k2-th neighbor.
    std::size_t k1 = 10;
    std::size_t k2 = 20; ///< at least `k1` + 1
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Intrinsic dimension by the growth of the number of near pairs.
struct correlation_dimension_result {
    /// NaN for fewer than k2 + 1 distinct samples, and if the two radii are equal or no pair is nearer than
    /// one of them.
    double dimension = std::numeric_limits<double>::quiet_NaN();
    /// The two radii, which set the scale of the estimate.
    std::array<double, 2> radii{};
    /// Pairs of samples nearer than each.
    std::array<std::uint64_t, 2> pairs{};
    /// Number of distinct samples.
    std::size_t samples = 0;
    /// Samples that equal an earlier one; they are left out.
    std::size_t duplicates = 0;
};

namespace detail {

/// Pairs of points nearer than each of two radii, exactly.
[[nodiscard]] inline std::array<std::uint64_t, 2>
count_pairs(const quantized_points& points, const std::array<double, 2>& radii, thread_pool& pool) {
    std::vector<std::array<std::uint64_t, 2>> counts(pool.size());
    const std::int32_t* lengths = points.lengths();
    points.for_each_tile(pool, [&](std::size_t i, std::size_t rows, std::size_t j, std::size_t columns,
                                   const quantized_points::tile& products, std::size_t worker) {
        for (std::size_t r = 0; r < rows; ++r) {
            const double slack = points.slack(i + r);
            for (std::size_t which = 0; which < 2; ++which) {
                const double radius = radii[which] / points.step();
                // Certainly nearer below the first value, certainly not nearer above the second.
                const double inner = (std::max)(0.0, radius * (1 - 1e-9) - slack);
                const double outer = radius * (1 + 1e-9) + slack;
                const double nearer = inner * inner - 1, farther = outer * outer + 1;
                for (std::size_t c = 0; c < columns; ++c) {
                    if (j + c <= i + r) continue;
                    const double squared = lengths[i + r] + lengths[j + c] - 2 * products[r][c];
                    if (squared > farther) continue;
                    if (squared < nearer || std::sqrt(points.squared_distance(i + r, j + c)) < radii[which])
                        ++counts[worker][which];
                }
            }
        }
    });
    std::array<std::uint64_t, 2> total{};
    for (const auto& count : counts) {
        total[0] += count[0];
        total[1] += count[1];
    }
    return total;
}

} // namespace detail

/// The correlation dimension of activations between two radii: log(C(r2) / C(r1)) / log(r2 / r1), where C(r)
/// is the share of pairs of samples nearer than r.
///
/// `activations` as for `nearest_neighbors`. Biased downward beyond about 5 dimensions; far from the
/// dimension for lattices. Throws `shape_error` without samples, `value_error` unless 1 <= k1 < k2, and for
/// an activation that is not finite. O(samples^2 x units). Source: Grassberger and Procaccia 1983.
template <tensor_like Activations>
[[nodiscard]] correlation_dimension_result
correlation_dimension(const Activations& activations, const correlation_dimension_options& options = {}) {
    constexpr const char* name = "correlation_dimension";
    if (options.k1 == 0 || options.k2 <= options.k1) {
        errors::throw_value_error(name, "expected 1 <= k1 < k2, got " + errors::text_of(options.k1) +
                                            " and " + errors::text_of(options.k2));
    }
    const scoped_pool pool(options.threads);
    const auto [points, duplicates] = detail::distinct_points_of(name, activations, options.axes, *pool);
    correlation_dimension_result result;
    result.samples = points.samples();
    result.duplicates = duplicates;
    if (result.samples <= options.k2) return result;
    const neighbors near = detail::search_neighbors(points, options.k2, *pool);
    const auto median_to = [&](std::size_t k) {
        std::vector<double> distances(near.samples);
        for (std::size_t i = 0; i < near.samples; ++i) distances[i] = near.distance[i * near.k + k - 1];
        return median(std::move(distances));
    };
    result.radii = {median_to(options.k1), median_to(options.k2)};
    result.pairs = detail::count_pairs(points, result.radii, *pool);
    if (result.pairs[0] > 0 && result.radii[1] > result.radii[0]) {
        result.dimension =
            std::log(static_cast<double>(result.pairs[1]) / static_cast<double>(result.pairs[0])) /
            std::log(result.radii[1] / result.radii[0]);
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
