#pragma once

#include "repscope/error.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/moments/value_rows.hpp"
#include "repscope/numeric/products.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace v0 {

/// The k nearest neighbours of every sample among the others.
struct neighbours {
    std::size_t samples = 0;
    std::size_t k = 0;
    /// (samples, k): places of the neighbours, the nearest first, of equally near ones the first.
    std::vector<std::uint32_t> index;
    /// (samples, k): their Euclidean distances.
    std::vector<double> distance;
};

namespace detail {

/// Points as the searches need them: exact in double, and about their mean in float with a bound for what
/// squared distances of the latter may be off. Products of floats find candidates; doubles decide.
class point_set {
  public:
    point_set(std::vector<double> rows, std::size_t samples, std::size_t units)
        : rows_(std::move(rows)), samples_(samples), units_(units), near_(samples * units), lengths_(samples),
          low_lengths_(samples) {
        std::vector<double> mean(units);
        for (std::size_t i = 0; i < rows_.size(); ++i)
            mean[i % units] += (rows_[i] - rows_[i % units]) / static_cast<double>(samples);
        for (std::size_t u = 0; u < units; ++u) mean[u] += rows_[u];
        double largest = 0;
        for (std::size_t i = 0; i < rows_.size(); ++i)
            largest = (std::max)(largest, std::abs(rows_[i] - mean[i % units]));
        // Within [-1, 1], so that no square leaves the range of a float.
        scale_ = largest > 0 ? 1 / largest : 1;
        for (std::size_t i = 0; i < samples; ++i) {
            double length = 0;
            for (std::size_t u = 0; u < units; ++u) {
                const double v = (rows_[i * units + u] - mean[u]) * scale_;
                near_[i * units + u] = static_cast<float>(v);
                length += v * v;
            }
            lengths_[i] = static_cast<float>(length);
            low_lengths_[i] = static_cast<float>(length * (1 - relative_slack()));
        }
    }

    [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    [[nodiscard]] const float* near(std::size_t i) const noexcept { return near_.data() + i * units_; }
    [[nodiscard]] const float* lengths() const noexcept { return lengths_.data(); }
    /// Squares of distances in float are those of doubles times this.
    [[nodiscard]] double squared_scale() const noexcept { return scale_ * scale_; }

    /// What |a|^2 + |b|^2 - 2 a.b in float may be off the exact value, as a share of |a|^2 + |b|^2: each of the
    /// products and sums of a dot product is off by 2^-24 at most, and so are the rounded coordinates.
    [[nodiscard]] double relative_slack() const noexcept {
        return (static_cast<double>(units_) + 16) * 0x1p-24;
    }
    [[nodiscard]] float slack(std::size_t i) const noexcept {
        return static_cast<float>(relative_slack() * static_cast<double>(lengths_[i]));
    }
    /// |b|^2 less its slack.
    [[nodiscard]] const float* low_lengths() const noexcept { return low_lengths_.data(); }

    /// Exact, in the units of the data.
    [[nodiscard]] double squared_distance(std::size_t i, std::size_t j) const noexcept {
        const double* a = rows_.data() + i * units_;
        const double* b = rows_.data() + j * units_;
        double sum = 0;
        for (std::size_t u = 0; u < units_; ++u) sum += (a[u] - b[u]) * (a[u] - b[u]);
        return sum;
    }

    /// Calls `tile(i, first, count, dots)` for every sample i of [begin, end) and every run of samples
    /// [first, first + count) from `from` on: `dots[j]` is the product of i and first + j.
    template <typename Tile>
    void for_each_tile(std::size_t begin, std::size_t end, std::size_t from, Tile&& tile) const {
        constexpr std::size_t width = 512;
        std::vector<float> dots((end - begin) * width);
        for (std::size_t first = from; first < samples_; first += width) {
            const std::size_t count = (std::min)(width, samples_ - first);
            eigen_products::gemm<factor::as_is, factor::transposed>(end - begin, count, units_, 1.0F,
                                                                    near(begin), units_, near(first), units_,
                                                                    0.0F, dots.data(), width);
            for (std::size_t i = begin; i < end; ++i) {
                tile(i, first, count, dots.data() + (i - begin) * width);
            }
        }
    }

    /// Rows that a task takes.
    static constexpr std::size_t rows_a_task = 128;

  private:
    std::vector<double> rows_;
    std::size_t samples_;
    std::size_t units_;
    std::vector<float> near_;
    std::vector<float> lengths_;
    std::vector<float> low_lengths_;
    double scale_ = 1;
};

/// The candidates of one sample: everything that may be among its k nearest, seen so far. Values are lower
/// bounds of |b|^2 - 2 a.b, which orders samples b by their distance to the sample a.
class candidate_list {
  public:
    candidate_list(const point_set& points, std::size_t i, std::size_t k)
        : points_(&points), own_slack_(points.slack(i)), k_(k), room_(4 * k + 32) {}

    /// What a sample must not exceed to be a candidate.
    [[nodiscard]] float bound() const noexcept { return bound_; }
    [[nodiscard]] const std::vector<std::pair<float, std::uint32_t>>& items() const noexcept {
        return items_;
    }
    void add(float value, std::size_t j) {
        items_.emplace_back(value, static_cast<std::uint32_t>(j));
        if (items_.size() >= room_) prune();
    }
    void prune() {
        if (items_.size() <= k_) return;
        const auto end = items_.begin() + static_cast<std::ptrdiff_t>(k_);
        std::nth_element(items_.begin(), end - 1, items_.end());
        // k samples are certain to be within this.
        bound_ = -std::numeric_limits<float>::infinity();
        for (auto item = items_.begin(); item != end; ++item) {
            bound_ = (std::max)(bound_, item->first + 2 * (points_->slack(item->second) + own_slack_));
        }
        items_.erase(std::remove_if(items_.begin(), items_.end(),
                                    [&](const auto& item) { return item.first > bound_; }),
                     items_.end());
        // Near ties of many: do not sort them again for each one that comes.
        room_ = (std::max)(room_, 2 * items_.size());
    }

  private:
    const point_set* points_;
    float own_slack_;
    std::size_t k_;
    std::size_t room_;
    float bound_ = std::numeric_limits<float>::infinity();
    std::vector<std::pair<float, std::uint32_t>> items_;
};

[[nodiscard]] inline neighbours search_neighbours(const point_set& points, std::size_t k, thread_pool& pool) {
    neighbours result;
    result.samples = points.samples();
    result.k = k;
    result.index.resize(points.samples() * k);
    result.distance.resize(points.samples() * k);
    constexpr std::size_t a_task = point_set::rows_a_task;
    pool.for_each(block_count(points.samples(), a_task), [&](std::size_t task) {
        const std::size_t begin = task * a_task;
        const std::size_t end = (std::min)(begin + a_task, points.samples());
        std::vector<candidate_list> lists;
        for (std::size_t i = begin; i < end; ++i) lists.emplace_back(points, i, k);
        points.for_each_tile(begin, end, 0, [&](std::size_t i, std::size_t first, std::size_t count,
                                                const float* dots) {
            candidate_list& list = lists[i - begin];
            const float* lengths = points.low_lengths() + first;
            constexpr std::size_t group = 32;
            for (std::size_t at = 0; at < count; at += group) {
                // Most groups hold no candidate: look at a whole one first.
                const std::size_t size = (std::min)(group, count - at);
                const float bound = list.bound();
                int found = 0;
                for (std::size_t j = 0; j < size; ++j)
                    found |= static_cast<int>(lengths[at + j] - 2 * dots[at + j] <= bound);
                if (found == 0) continue;
                for (std::size_t j = 0; j < size; ++j) {
                    const float value = lengths[at + j] - 2 * dots[at + j];
                    if (value <= list.bound() && first + at + j != i)
                        list.add(value, first + at + j);
                }
            }
        });
        std::vector<std::pair<double, std::uint32_t>> exact;
        for (std::size_t i = begin; i < end; ++i) {
            lists[i - begin].prune();
            exact.clear();
            for (const auto& item : lists[i - begin].items()) {
                exact.emplace_back(points.squared_distance(i, item.second), item.second);
            }
            std::partial_sort(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(k), exact.end());
            for (std::size_t n = 0; n < k; ++n) {
                result.index[i * k + n] = exact[n].second;
                result.distance[i * k + n] = std::sqrt(exact[n].first);
            }
        }
    });
    return result;
}

/// Rows that differ from all before them.
[[nodiscard]] inline std::vector<double> distinct_rows(const std::vector<double>& rows, std::size_t units) {
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
    std::vector<double> result;
    result.reserve(rows.size());
    for (std::size_t i = 0; i < repeated.size(); ++i) {
        if (repeated[i] == 0) result.insert(result.end(), row(i).begin(), row(i).end());
    }
    return result;
}

/// Distinct points of activations and how many were left out: what the neighbour estimators start from.
struct distinct_points {
    point_set points;
    std::size_t duplicates = 0;
};

template <typename Activations>
[[nodiscard]] distinct_points distinct_points_of(std::string_view function, const Activations& activations,
                                                 layout axes, thread_pool& pool) {
    const auto x = as_activations(activations, axes, function);
    if (x.empty()) throw_shape_error(function, "wanted at least one sample and unit", x.extents());
    std::vector<double> rows = distinct_rows(value_rows(function, x, pool), x.extent(1));
    const std::size_t left = rows.size() / x.extent(1);
    return {point_set(std::move(rows), left, x.extent(1)), x.extent(0) - left};
}

} // namespace detail

/// The k nearest other samples of every sample, by Euclidean distance between the values of their units.
///
/// `activations`: (samples, units), (samples, channels, height, width), or as `options.axes` says. Exact:
/// candidates are found by products of blocks in float with a bound for their error, and decided by
/// distances in double. Equal samples are neighbours at distance 0. Throws `shape_error` when there are not
/// more than k samples, `value_error` for k = 0, 2^32 samples or more, and an activation that is not finite.
/// O(samples^2 x units), in parallel; samples x units x 12 bytes.
template <tensor_like Activations>
[[nodiscard]] neighbours nearest_neighbours(const Activations& activations, std::size_t k,
                                            const update_options& options = {}) {
    constexpr const char* name = "nearest_neighbours";
    const auto x = as_activations(activations, options.axes, name);
    if (k == 0) detail::throw_value_error(name, "wanted k of at least 1, got 0");
    if (x.empty() || x.extent(0) <= k) {
        detail::throw_shape_error(name, "wanted more than " + std::to_string(k) + " samples", x.extents());
    }
    if (x.extent(0) > (std::numeric_limits<std::uint32_t>::max)()) {
        detail::throw_value_error(name, "wanted fewer than 2^32 samples");
    }
    const pool_lease pool(options.threads);
    const detail::point_set points(detail::value_rows(name, x, *pool), x.extent(0), x.extent(1));
    return detail::search_neighbours(points, k, *pool);
}

} // namespace v0
} // namespace repscope
