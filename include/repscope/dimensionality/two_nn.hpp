#pragma once

#include "repscope/dimensionality/nearest_neighbors.hpp"
#include "repscope/statistics/distributions.hpp"
#include "repscope/statistics/interval.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `two_nn`.
struct two_nn_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// Share of the largest ratios that the fit leaves out, in [0, 1).
    double discard = 0.1;
    double confidence = 0.95; ///< of the interval
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Intrinsic dimension by two nearest neighbors.
struct two_nn_result {
    /// Slope of -log(1 - F) on log mu through the origin, with F = i / n; NaN below 3 distinct samples.
    double fit = std::numeric_limits<double>::quiet_NaN();
    /// (n - 1) / sum log mu, unbiased on a uniform density; more sensitive to outliers than the fit.
    double likelihood = std::numeric_limits<double>::quiet_NaN();
    /// Interval of `likelihood` from the spread of log mu and its covariance between nearest neighbors.
    interval ci;
    /// Number of distinct samples.
    std::size_t samples = 0;
    /// Samples that equal an earlier one; they are left out.
    std::size_t duplicates = 0;
};

/// The intrinsic dimension of activations from the ratio mu of the distances of each sample to its second and
/// first neighbor.
///
/// `activations` as for `nearest_neighbors`. Biased downward beyond about 5 dimensions (8.4 for a cube of 10
/// at 1,000 samples). Noise counts as dimensions at the scale of the neighbors, which shrinks with the number
/// of samples: report n with the number. Ratios of 1, from two equally near neighbors, are valid; if all are
/// 1 the result is infinity. Throws `shape_error` without samples, `value_error` for a share outside [0, 1),
/// and for an activation that is not finite. O(samples^2 x units). Source: Facco, d'Errico, Rodriguez and
/// Laio 2017; the likelihood, Denti, Doimo, Laio and Mira 2022.
template <tensor_like Activations>
[[nodiscard]] two_nn_result two_nn(const Activations& activations, const two_nn_options& options = {}) {
    constexpr const char* name = "two_nn";
    if (!(options.discard >= 0 && options.discard < 1)) {
        errors::throw_value_error(name, "expected a share to discard in [0, 1), got " +
                                            errors::text_of(options.discard));
    }
    detail::check_confidence(name, options.confidence);
    const scoped_pool pool(options.threads);
    const auto [points, duplicates] = detail::distinct_points_of(name, activations, options.axes, *pool);
    two_nn_result result;
    result.samples = points.samples();
    result.duplicates = duplicates;
    if (result.samples < 3) return result;
    const neighbors near = detail::search_neighbors(points, 2, *pool);
    std::vector<double> logs(result.samples);
    double sum = 0;
    for (std::size_t i = 0; i < logs.size(); ++i) {
        logs[i] = std::log(near.distance[2 * i + 1] / near.distance[2 * i]);
        sum += logs[i];
    }
    const auto n = static_cast<double>(result.samples);
    result.likelihood = (n - 1) / sum;
    // The ratios of two samples that are neighbors share a distance, so their covariance counts.
    double variance = 0;
    for (std::size_t i = 0; i < logs.size(); ++i) {
        const double own = logs[i] - sum / n;
        variance += own * own;
        const std::size_t j = near.index[2 * i];
        if (near.index[2 * j] == i && j < i) continue; // that pair was counted already
        variance += 2 * own * (logs[j] - sum / n);
    }
    const double half =
        normal_quantile(0.5 + options.confidence / 2) * std::sqrt((std::max)(0.0, variance)) / sum;
    result.ci = {result.likelihood * std::exp(-half), result.likelihood * std::exp(half)};
    std::sort(logs.begin(), logs.end());
    const auto kept = static_cast<std::size_t>(std::floor(n * (1 - options.discard) + 1e-9));
    double xx = 0;
    double xy = 0;
    for (std::size_t i = 0; i < kept; ++i) {
        const double f = static_cast<double>(i + 1) / n;
        if (f >= 1) continue; // -log(1 - F) of the last one is infinite
        xx += logs[i] * logs[i];
        xy += logs[i] * -std::log(1 - f);
    }
    if (kept > 0) result.fit = xy / xx;
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
