#pragma once

#include "repscope/dimensionality/component_count.hpp"
#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/dimensionality/result.hpp"
#include "repscope/linalg/symmetric_eigenvalues.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `spectrum`, `uncentered_spectrum` and `dimensionality`.
struct spectrum_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
};

namespace detail {

/// Sets those of descending eigenvalues to 0 or above that cannot be distinguished from rounding, as
/// `spectrum` states.
inline void remove_rounding(std::vector<double>& values) {
    if (values.empty() || !(values.back() < 0)) return;
    const double limit = -2 * values.back();
    std::size_t first = values.size();
    double sum = 0;
    while (first > 0 && values[first - 1] <= limit) sum += values[--first];
    // The nearest point of the simplex: all values less a common number, cut at 0.
    double common = limit;
    if (sum > 2 * limit) {
        double before = 0;
        for (std::size_t k = first; k < values.size(); ++k) {
            before += values[k];
            const double candidate = (before - sum) / static_cast<double>(k + 1 - first);
            if (values[k] <= candidate) break;
            common = candidate;
        }
    }
    for (std::size_t k = first; k < values.size(); ++k) values[k] = (std::max)(0.0, values[k] - common);
}

} // namespace detail

/// Eigenvalues of the covariance (divisor n - 1), descending, none negative: min(samples, units) of them; all
/// others are 0.
///
/// Those that cannot be distinguished from the rounding of the products are 0. A covariance has no negative
/// eigenvalue, so the most negative one is the size of the rounding error of eigenvalues that are 0, in both
/// directions. All eigenvalues up to twice this size are replaced. If they cancel each other (their sum is at
/// most four times the size) they become 0, otherwise the nearest non-negative numbers with the same sum. The
/// last one of a Gram matrix is 0 because of the centering. A spectrum without negative eigenvalues is
/// unchanged. The errors are in docs/reference/dimensionality.md.
///
/// Empty below two samples. O(min(samples, units)^3). Throws `value_error` if the solver does not converge.
/// The function is a template so that only files that call it instantiate the solver.
template <typename = void>
[[nodiscard]] std::vector<double> spectrum(const scatter_matrix& products,
                                           const spectrum_options& options = {}) {
    if (products.samples < 2) return {};
    std::vector<double> values =
        eigenvalues_of_symmetric<double>("spectrum", products.lower, products.order, options.threads);
    std::reverse(values.begin(), values.end());
    const double divisor = static_cast<double>(products.samples) - 1;
    for (double& value : values) value /= divisor;
    detail::remove_rounding(values);
    if (products.third.empty()) values.back() = 0;
    return values;
}

/// Eigenvalues of the covariance of the samples in `state`.
template <product_backend Backend = eigen_products>
[[nodiscard]] std::vector<double> spectrum(const covariance& state, const spectrum_options& options = {},
                                           Backend backend = {}) {
    return spectrum(state.centered(backend), options);
}

/// Every measure of dimensionality of the samples in a state; definitions and ranges are in
/// docs/reference/dimensionality.md.
///
/// If all samples are equal, every measure is 0 except the unbiased participation ratio, which is NaN. Throws
/// `value_error` below 2 samples. O(min(samples, units)^3).
template <typename = void>
[[nodiscard]] dimensionality_result dimensionality(const scatter_matrix& products,
                                                   const spectrum_options& options = {}) {
    if (products.samples < 2) {
        errors::throw_value_error("dimensionality",
                                  "expected at least 2 samples, got " + errors::text_of(products.samples));
    }
    dimensionality_result result;
    result.spectrum = spectrum(products, options);
    result.participation_ratio = participation_ratio(products);
    result.participation_ratio_unbiased = participation_ratio_unbiased(products);
    constexpr std::array fractions{0.90, 0.95, 0.99};
    for (std::size_t k = 0; k < fractions.size(); ++k) {
        result.components[k] = component_count(result.spectrum, fractions[k]);
        result.components_interpolated[k] = components_interpolated(result.spectrum, fractions[k]);
        result.components_fraction[k] =
            static_cast<double>(result.components[k]) / static_cast<double>(products.units);
    }
    result.effective_rank_eigenvalues = effective_rank_eigenvalues(result.spectrum);
    result.effective_rank_singular_values = effective_rank_singular_values(result.spectrum);
    result.stable_rank = stable_rank(result.spectrum);
    result.limited_by_samples = 4 * result.components[1] > products.samples;
    return result;
}

/// Every measure of dimensionality of the samples in `state`.
template <product_backend Backend = eigen_products>
[[nodiscard]] dimensionality_result
dimensionality(const covariance& state, const spectrum_options& options = {}, Backend backend = {}) {
    return dimensionality(state.centered(backend), options);
}
/// As above; reuses the memory of a temporary state and thus needs one matrix less.
template <product_backend Backend = eigen_products>
[[nodiscard]] dimensionality_result dimensionality(covariance&& state, const spectrum_options& options = {},
                                                   Backend backend = {}) {
    return dimensionality(std::move(state).centered(backend), options);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
