#pragma once

#include "repscope/dimensionality/nearest_neighbors.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `levina_bickel`.
struct levina_bickel_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// Number of neighbors; it sets the scale of the estimate.
    std::size_t k = 20;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Intrinsic dimension by the likelihood of neighbor distances; NaN below k + 1 distinct samples.
struct levina_bickel_result {
    /// Harmonic mean over samples of d_i = (k - 1) / sum_{j < k} log(r_k / r_j): MacKay and Ghahramani's.
    double harmonic = std::numeric_limits<double>::quiet_NaN();
    /// The same of (k - 2) / ..., asymptotically unbiased.
    double harmonic_unbiased = std::numeric_limits<double>::quiet_NaN();
    /// Plain mean of d_i, the estimator of Levina and Bickel.
    double mean = std::numeric_limits<double>::quiet_NaN();
    std::size_t k = 0; ///< number of neighbors
    /// Number of distinct samples.
    std::size_t samples = 0;
    /// Samples that equal an earlier one; they are left out.
    std::size_t duplicates = 0;
};

/// The intrinsic dimension of activations by maximum likelihood from the distances of each sample to its k
/// nearest neighbors.
///
/// `activations` as for `nearest_neighbors`. Biased downward beyond about 5 dimensions. Infinite when all k
/// neighbors are equally far from a sample. Throws `shape_error` without samples, `value_error` for k below 3
/// and for an activation that is not finite. O(samples^2 x units). Sources: Levina and Bickel 2004; MacKay
/// and Ghahramani 2005.
template <tensor_like Activations>
[[nodiscard]] levina_bickel_result levina_bickel(const Activations& activations,
                                                 const levina_bickel_options& options = {}) {
    constexpr const char* name = "levina_bickel";
    const std::size_t k = options.k;
    if (k < 3) errors::throw_value_error(name, "expected k of at least 3, got " + errors::text_of(k));
    const scoped_pool pool(options.threads);
    const auto [points, duplicates] = detail::distinct_points_of(name, activations, options.axes, *pool);
    levina_bickel_result result;
    result.k = k;
    result.samples = points.samples();
    result.duplicates = duplicates;
    if (result.samples <= k) return result;
    const neighbors near = detail::search_neighbors(points, k, *pool);
    double inverse = 0; // sum of 1 / d_i
    double plain = 0;
    const auto degrees = static_cast<double>(k - 1);
    for (std::size_t i = 0; i < result.samples; ++i) {
        const double* r = near.distance.data() + i * k;
        double logs = 0;
        for (std::size_t j = 0; j + 1 < k; ++j) logs += std::log(r[k - 1] / r[j]);
        inverse += logs / degrees;
        plain += degrees / logs;
    }
    const auto n = static_cast<double>(result.samples);
    result.harmonic = n / inverse;
    result.harmonic_unbiased = result.harmonic * (degrees - 1) / degrees;
    result.mean = plain / n;
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
