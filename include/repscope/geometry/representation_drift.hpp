#pragma once

#include "repscope/detail/geometry/covariance_factor.hpp"
#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/linalg/reflections.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `representation_drift`.
struct representation_drift_options {
    thread_source threads = 1; ///< threads to use; changes no bit of the result
    /// Largest number of principal components whose subspaces are compared; 0 omits the angles, and with them
    /// the eigenvectors.
    std::size_t components = 10;
};

/// How the distribution of a layer's activations differs between two sets of samples.
struct representation_drift_result {
    /// Euclidean distance of the means, 0 upward.
    double mean_distance = std::numeric_limits<double>::quiet_NaN();
    /// Cosine of the means about 0, -1 to 1; NaN if one of them is 0.
    double mean_cosine = std::numeric_limits<double>::quiet_NaN();
    /// Squared Frechet distance of normal distributions with these means and covariances, |mean_a - mean_b|^2
    /// + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2), 0 upward. Biased upward with few samples.
    double frechet = std::numeric_limits<double>::quiet_NaN();
    /// Angles between the subspaces of the first k principal components, in radians, ascending, 0 to pi / 2;
    /// k is `components`, or the rank of a covariance if it is less.
    std::vector<double> principal_angles;
    /// Unbiased participation ratio of the second set over that of the first. NaN where one of them is.
    double participation_ratio_quotient = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// Angles between the spans of two sets of orthonormal rows, (count, units). A small angle comes from its
/// sine, a large one from its cosine.
template <product_backend Backend>
[[nodiscard]] std::vector<double> angles_between(const std::vector<double>& a, const std::vector<double>& b,
                                                 std::size_t count, std::size_t units, thread_pool& pool) {
    if (count == 0) return {};
    std::vector<double> along(count * count), rest = b;
    Backend::template gemm<factor::as_is, factor::transposed>(count, count, units, 1.0, b.data(), units,
                                                              a.data(), units, 0.0, along.data(), count);
    Backend::template gemm<factor::as_is, factor::as_is>(count, units, count, -1.0, along.data(), count,
                                                         a.data(), units, 1.0, rest.data(), units);
    constexpr const char* name = "representation_drift";
    const std::vector<double> cosines = singular_values(name, along, count, count, pool);
    std::vector<double> sines = singular_values(name, rest, count, units, pool);
    sines.resize(count); // fewer units than components have no further sine
    std::reverse(sines.begin(), sines.end());
    std::vector<double> angles(count);
    for (std::size_t k = 0; k < count; ++k) {
        angles[k] =
            cosines[k] * cosines[k] > 0.5 ? std::asin((std::min)(1.0, sines[k])) : std::acos(cosines[k]);
    }
    return angles;
}

} // namespace detail

/// Computes how two sets of samples of one layer differ, from their covariances. The samples need not be the
/// same, and their numbers may differ.
///
/// Throws `shape_error` if the units differ, `value_error` below 2 samples. The result has the same bits for
/// any number of threads. O(units^3), or O(samples^2 units) with fewer samples than units; the eigenvectors
/// for the angles take most of the time. Sources: Dowson and Landau 1982 (Frechet distance); Knyazev and
/// Argentati 2002 (angles).
template <product_backend Backend = eigen_products>
[[nodiscard]] representation_drift_result
representation_drift(const covariance& first, const covariance& second,
                     const representation_drift_options& options = {}, Backend backend = {}) {
    constexpr const char* name = "representation_drift";
    if (first.units() != second.units()) {
        errors::throw_shape_error(name, "expected states of the same units, got " +
                                            errors::text_of(first.units()) + " and " +
                                            errors::text_of(second.units()));
    }
    const std::uint64_t least = (std::min)(first.samples(), second.samples());
    if (least < 2)
        errors::throw_value_error(name,
                                  "expected at least 2 samples per state, got " + errors::text_of(least));
    const scoped_pool pool(options.threads);
    const std::size_t units = first.units();
    representation_drift_result result;
    const std::vector<double> mean_a = first.unit_means(), mean_b = second.unit_means();
    double distance2 = 0, aa = 0, bb = 0, ab = 0;
    for (std::size_t u = 0; u < units; ++u) {
        distance2 += (mean_a[u] - mean_b[u]) * (mean_a[u] - mean_b[u]);
        aa += mean_a[u] * mean_a[u];
        bb += mean_b[u] * mean_b[u];
        ab += mean_a[u] * mean_b[u];
    }
    result.mean_distance = std::sqrt(distance2);
    if (aa > 0 && bb > 0) result.mean_cosine = std::clamp(ab / std::sqrt(aa) / std::sqrt(bb), -1.0, 1.0);

    scatter_matrix a = first.centered(backend), b = second.centered(backend);
    result.participation_ratio_quotient = participation_ratio_unbiased(b) / participation_ratio_unbiased(a);
    if (options.components > 0) {
        const std::vector<double> of_a = detail::principal_rows<Backend>(name, first, a, options.components);
        const std::vector<double> of_b = detail::principal_rows<Backend>(name, second, b, options.components);
        const std::size_t count = (std::min)(of_a.size(), of_b.size()) / units;
        result.principal_angles = detail::angles_between<Backend>(
            {of_a.begin(), of_a.begin() + static_cast<std::ptrdiff_t>(count * units)},
            {of_b.begin(), of_b.begin() + static_cast<std::ptrdiff_t>(count * units)}, count, units, *pool);
    }
    const double spread_a = a.trace() / (static_cast<double>(a.samples) - 1);
    const double spread_b = b.trace() / (static_cast<double>(b.samples) - 1);
    const detail::covariance_factor factor_a = detail::factor_of<Backend>(first, a, *pool);
    const detail::covariance_factor factor_b = detail::factor_of<Backend>(second, b, *pool);
    const std::vector<double> values = singular_values(
        name, detail::product_of<Backend>(factor_a, factor_b, units), factor_a.count, factor_b.count, *pool);
    double sum = 0;
    for (const double value : values) sum += value;
    result.frechet = distance2 + (std::max)(0.0, spread_a + spread_b - 2 * sum);
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
