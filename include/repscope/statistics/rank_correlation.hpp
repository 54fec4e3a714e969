#pragma once

#include "repscope/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

inline void check_pairs(std::string_view function, std::span<const double> x, std::span<const double> y) {
    if (x.size() != y.size()) {
        errors::throw_shape_error(function, "expected two series of the same length, got " +
                                                errors::text_of(x.size()) + " and " +
                                                errors::text_of(y.size()));
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isfinite(x[i]) && std::isfinite(y[i])) continue;
        errors::throw_value_error(function, "expected finite numbers, got " + errors::text_of(x[i]) +
                                                " and " + errors::text_of(y[i]) + " at position " +
                                                errors::text_of(i));
    }
}

/// Whether all are equal; deviations from a rounded mean may not be 0 then.
inline bool constant(std::span<const double> values) {
    return std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
}

} // namespace detail

/// Ranks from 1 to n, the smallest first; equal values share the mean of their ranks. O(n log n).
[[nodiscard]] inline std::vector<double> ranks(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return values[a] < values[b] || (values[a] == values[b] && a < b);
    });
    std::vector<double> result(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first + 1;
        while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
        // Ranks first + 1 ... last.
        const double shared = (static_cast<double>(first) + static_cast<double>(last) + 1) / 2;
        for (; first < last; ++first) result[order[first]] = shared;
    }
    return result;
}

/// Pearson's correlation of two series of the same length, in [-1, 1]; NaN below two values and if one of
/// them is constant. Throws `shape_error` for lengths that differ and `value_error` for numbers that are not
/// finite. O(n).
[[nodiscard]] inline double pearson(std::span<const double> x, std::span<const double> y) {
    detail::check_pairs("pearson", x, y);
    if (detail::constant(x) || detail::constant(y)) return std::numeric_limits<double>::quiet_NaN();
    const auto n = static_cast<double>(x.size());
    const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
    const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
    double xx = 0, yy = 0, xy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    if (!(xx > 0 && yy > 0)) return std::numeric_limits<double>::quiet_NaN();
    return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
}

/// Spearman's rank correlation: Pearson's correlation of the ranks; equal values share their ranks. Otherwise
/// as `pearson`; O(n log n). Spearman 1904.
[[nodiscard]] inline double spearman(std::span<const double> x, std::span<const double> y) {
    detail::check_pairs("spearman", x, y);
    return pearson(ranks(x), ranks(y));
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
