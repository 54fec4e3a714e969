#pragma once

#include "repscope/detail/dimensionality/quantized_points.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The k nearest neighbors of every sample among the others.
struct neighbors {
    std::size_t samples = 0; ///< number of samples
    std::size_t k = 0;       ///< number of neighbors of each sample
    /// (samples, k): indices of the neighbors, the nearest first; of equally near ones, the lower index
    /// first.
    std::vector<std::uint32_t> index;
    /// (samples, k): their Euclidean distances.
    std::vector<double> distance;
};

namespace detail {

/// Whether |b|^2 - 2 a.b is within the bound of a point `a`, or |a|^2 - 2 a.b within that of b, for any of
/// sixteen points b.
[[nodiscard]] inline bool any_within(const std::int32_t* products, std::int32_t length, std::int32_t bound,
                                     const std::int32_t* lengths, const std::int32_t* bounds) noexcept {
    static_assert(quantized_points::tile_columns == 16);
    constexpr std::size_t width = pair_bytes == 64 ? 16 : 8;
    using ints = simd_vector<std::int32_t, width>;
    ints holds{};
    for (std::size_t c = 0; c < quantized_points::tile_columns; c += width) {
        ints twice, right_lengths, right_bounds;
        std::memcpy(&twice, products + c, sizeof twice);
        std::memcpy(&right_lengths, lengths + c, sizeof right_lengths);
        std::memcpy(&right_bounds, bounds + c, sizeof right_bounds);
        twice *= 2;
        if constexpr (pair_bytes == 64) {
            return any_at_most(right_lengths - twice, ints{} + bound, length - twice, right_bounds);
        }
        holds |= (right_lengths - twice <= bound) | (length - twice <= right_bounds);
    }
    return any_set(holds);
}

/// The candidates of one sample: all samples so far that may be among its k nearest, with squared distances
/// on the lattice.
class candidate_list {
  public:
    using item = std::pair<std::int32_t, std::uint32_t>;

    explicit candidate_list(std::size_t k) : room_(4 * k + 16) {
        items_.reserve((std::min<std::size_t>)(room_, 32));
    }

    [[nodiscard]] const std::vector<item>& items() const noexcept { return items_; }

    /// Adds sample `j`; returns true if the number of candidates requires `prune`.
    [[nodiscard]] bool add(std::int32_t squared, std::size_t j) {
        items_.emplace_back(squared, static_cast<std::uint32_t>(j));
        return items_.size() >= room_;
    }

    /// Removes candidates that cannot be among the k nearest of sample `i`; returns the largest squared
    /// distance that can.
    [[nodiscard]] std::int32_t prune(const quantized_points& points, std::size_t i, std::size_t k) {
        constexpr std::int32_t all = (std::numeric_limits<std::int32_t>::max)();
        if (items_.size() <= k) return all;
        const auto kth = items_.begin() + static_cast<std::ptrdiff_t>(k - 1);
        std::nth_element(items_.begin(), kth, items_.end());
        // k samples are certainly within that distance plus their slack; a nearer one may be off by its own
        // slack.
        double reach = std::sqrt(static_cast<double>(kth->first)) + 2 * points.slack(i);
        std::int32_t most = limit(reach);
        keep_within(most);
        constexpr std::size_t many = 4096;
        if (items_.size() > 4 * k + many) {
            // The lattice is too coarse to decide: the k nearest of these are found by exact distances.
            std::vector<std::pair<double, std::size_t>> exact(items_.size());
            for (std::size_t n = 0; n < exact.size(); ++n)
                exact[n] = {points.squared_distance(i, items_[n].second), n};
            std::nth_element(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(k - 1), exact.end(),
                             [&](const auto& a, const auto& b) {
                                 return a.first != b.first
                                            ? a.first < b.first
                                            : items_[a.second].second < items_[b.second].second;
                             });
            reach = std::sqrt(exact[k - 1].first) / points.step() * (1 + 1e-9) + points.slack(i);
            most = (std::min)(most, limit(reach));
            std::vector<item> nearest;
            for (std::size_t n = 0; n < k; ++n) nearest.push_back(items_[exact[n].second]);
            items_ = std::move(nearest);
        }
        room_ = (std::max)(4 * k + 16, 2 * items_.size());
        return most;
    }

  private:
    [[nodiscard]] static std::int32_t limit(double reach) {
        constexpr std::int32_t all = (std::numeric_limits<std::int32_t>::max)();
        const double square = reach * reach + 1;
        return square < static_cast<double>(all) ? static_cast<std::int32_t>(square) : all;
    }
    void keep_within(std::int32_t most) {
        items_.erase(
            std::remove_if(items_.begin(), items_.end(), [&](const item& one) { return one.first > most; }),
            items_.end());
    }

    std::size_t room_;
    std::vector<item> items_;
};

[[nodiscard]] inline neighbors search_neighbors(const quantized_points& points, std::size_t k,
                                                thread_pool& pool) {
    constexpr std::int32_t all = (std::numeric_limits<std::int32_t>::max)();
    constexpr std::size_t columns_of_tile = quantized_points::tile_columns;
    const std::size_t samples = points.samples();
    const std::int32_t* lengths = points.lengths();
    std::vector<candidate_list> lists;
    lists.reserve(samples);
    for (std::size_t i = 0; i < samples; ++i) lists.emplace_back(k);
    // Upper bound of |b|^2 - 2 a.b for b to be a candidate of a; the lowest number after the last sample.
    std::vector<std::int32_t> bounds(samples + columns_of_tile, (std::numeric_limits<std::int32_t>::min)());
    std::fill_n(bounds.begin(), samples, all);
    const auto offer = [&](std::size_t a, std::size_t b, std::int32_t product) {
        const std::int32_t value = lengths[b] - 2 * product;
        if (value > bounds[a] || !lists[a].add(lengths[a] + value, b)) return;
        const std::int32_t most = lists[a].prune(points, a, k);
        bounds[a] = most == all ? all : most - lengths[a];
    };
    points.for_each_tile(pool, [&](std::size_t i, std::size_t rows, std::size_t j, std::size_t columns,
                                   const quantized_points::tile& products, std::size_t) {
        for (std::size_t r = 0; r < rows; ++r) {
            // Most rows of a tile have no candidate, so whole rows are checked first.
            if (!any_within(products[r].data(), lengths[i + r], bounds[i + r], lengths + j,
                            bounds.data() + j))
                continue;
            for (std::size_t c = 0; c < columns; ++c) {
                if (j + c <= i + r) continue;
                offer(i + r, j + c, products[r][c]);
                offer(j + c, i + r, products[r][c]);
            }
        }
    });
    neighbors result{samples, k, {}, {}};
    result.index.resize(samples * k);
    result.distance.resize(samples * k);
    constexpr std::size_t task_size = 256;
    pool.for_each(block_count(samples, task_size), [&](std::size_t task) {
        std::vector<std::pair<double, std::uint32_t>> exact;
        for (std::size_t i = task * task_size; i < (std::min)((task + 1) * task_size, samples); ++i) {
            (void)lists[i].prune(points, i, k);
            exact.clear();
            for (const auto& one : lists[i].items())
                exact.emplace_back(points.squared_distance(i, one.second), one.second);
            std::partial_sort(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(k), exact.end());
            for (std::size_t n = 0; n < k; ++n) {
                result.index[i * k + n] = exact[n].second;
                result.distance[i * k + n] = std::sqrt(exact[n].first);
            }
        }
    });
    return result;
}

} // namespace detail

/// The k nearest other samples of every sample, by Euclidean distance between the values of their units.
///
/// `activations`: (samples, units), (samples, channels, height, width), or as `options.axes` states. Exact:
/// candidates are found among coordinates rounded to 16 bits or less, with a bound on the rounding, and then
/// compared by distances in double. Equal samples are neighbors at distance 0. Throws `shape_error` when
/// there are not more than k samples, `value_error` for k = 0, 2^32 samples or more, and an activation that
/// is not finite. O(samples^2 x units), in parallel; samples x units x 10 bytes. Slow, by a factor of up to
/// 20, if a few samples are thousands of times farther away than the others are from each other.
template <tensor_like Activations>
[[nodiscard]] neighbors nearest_neighbors(const Activations& activations, std::size_t k,
                                          const update_options& options = {}) {
    constexpr const char* name = "nearest_neighbors";
    const auto x = as_activations(activations, options.axes, name);
    if (k == 0) errors::throw_value_error(name, "expected k of at least 1, got 0");
    if (x.empty() || x.extent(0) <= k) {
        errors::throw_shape_error(name, "expected more than " + errors::text_of(k) + " samples", x.extents());
    }
    if (x.extent(0) > (std::numeric_limits<std::uint32_t>::max)()) {
        errors::throw_value_error(name, "expected fewer than 2^32 samples");
    }
    const scoped_pool pool(options.threads);
    const detail::quantized_points points(detail::unit_rows(name, x, *pool), x.extent(0), x.extent(1));
    return detail::search_neighbors(points, k, *pool);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
