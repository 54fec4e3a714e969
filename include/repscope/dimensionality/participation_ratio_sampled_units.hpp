#pragma once

#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/dimensionality/participation_ratio.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The participation ratio of a population of units, estimated from a random sample of units, and corrected
/// for the number of samples and of units.
///
/// Only for units that are an independent draw from many, such as recorded neurons of a brain area. If the
/// units are all units of a layer, use `participation_ratio_unbiased`; this ratio has no meaning for them.
/// Units that are a channel at a position are not an independent draw either. From A and B, the unbiased
/// estimates of (tr Sigma)^2 and tr Sigma^2, and D_u, the estimate of the squared variance of unit u: (A -
/// sum D_u) / (B - sum D_u). The subtraction removes the terms with the same unit twice.
///
/// Unstable when the result is near the number of units or above. NaN below 4 samples, below 2 units and if
/// the denominator is not above the bound of its rounding (`participation_ratio_unbiased_of`); never clamped.
/// Throws as `participation_ratio_unbiased` does. Costs the same plus samples x units doubles of memory.
/// Source: Chun, Canatar, Chung, Lee 2025 (arXiv 2509.26560).
template <tensor_like Activations>
[[nodiscard]] double participation_ratio_sampled_units(const Activations& activations,
                                                       const update_options& options = {}) {
    constexpr const char* name = "participation_ratio_sampled_units";
    const scoped_pool pool(options.threads);
    const scatter_matrix products =
        detail::covariance_of(name, activations, {.threads = *pool, .axes = options.axes}).centered();
    const auto x = as_activations(activations, options.axes, name);
    const std::vector<double> rows = detail::unit_rows(name, x, *pool);
    const auto n = static_cast<double>(products.samples);
    if (products.samples < 4 || products.units < 2) return std::numeric_limits<double>::quiet_NaN();
    // Scaled by a power of two, since fourth powers overflow and underflow early.
    const double scale = products.unit_scale();
    const double root = std::sqrt(scale);
    // Differences to the first sample, so that a large offset costs no digits.
    std::vector<double> second(products.units), fourth(products.units), mean(products.units);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::size_t u = i % products.units;
        mean[u] += (rows[i] - rows[u]) / n;
    }
    double of_samples = 0; // D
    double length = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::size_t u = i % products.units;
        const double apart = root * ((rows[i] - rows[u]) - mean[u]);
        const double square = apart * apart;
        second[u] += square;
        fourth[u] += square * square;
        length += square;
        if (u + 1 < products.units) continue;
        of_samples += length * length;
        length = 0;
    }
    double same_unit = 0;
    double terms = 0; // of same_unit, then of the denominator, with all terms positive
    for (std::size_t u = 0; u < products.units; ++u) {
        const double squares = ((n - 1) * (n - 2) + 1) * second[u] * second[u];
        same_unit += squares - n * (n - 1) * fourth[u];
        terms += squares + n * (n - 1) * fourth[u];
    }
    // All times n (n - 1) (n - 2) (n - 3), which cancels.
    const double t = scale * products.trace();
    const double r = products.frobenius2(scale);
    const double d = n * (n - 1) * of_samples;
    const double a = (n * n - 3 * n + 1) * t * t + 2 * r - d - same_unit;
    const double b = (n - 1) * (n - 2) * r + t * t - d - same_unit;
    terms += (n - 1) * (n - 2) * std::sqrt(r) * t + t * t + d;
    return b > 2 * products.rounding * terms ? a / b : std::numeric_limits<double>::quiet_NaN();
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
