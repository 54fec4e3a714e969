#pragma once

#include "repscope/error.hpp"
#include "repscope/moments/covariance.hpp"

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// (sum of eigenvalues)^2 / sum of squared eigenvalues; 0 when all are 0. O(n).
[[nodiscard]] constexpr double participation_ratio_of_spectrum(std::span<const double> eigenvalues) noexcept {
    double sum = 0;
    double squares = 0;
    for (const double value : eigenvalues) {
        sum += value;
        squares += value * value;
    }
    return squares == 0 ? 0 : sum * sum / squares;
}

/// The participation ratio without its small-sample bias, A / B, from `samples`, T = trace of the scatter
/// matrix, R = its squared Frobenius norm and D = sum of |x - mean|^4:
///
///     A = (n^2 - 3n + 1) T^2 + 2 R - n (n - 1) D,    B = (n - 1)(n - 2) R + T^2 - n (n - 1) D
///
/// Range 1 upward, never clamped. NaN below 4 samples, and if A or B is not above the bound of its rounding.
/// B is 0 if the differences of any two disjoint pairs of samples are orthogonal, as for orthogonal rows.
/// `rounding`: as `scatter_matrix::rounding`; with it the errors of T, R and D are at most rounding times T,
/// 2 sqrt(R) T and 2 D, and that of B is at most
///
///     2 rounding ((n - 1)(n - 2) sqrt(R) T + T^2 + n (n - 1) D)
///
/// Source: docs/reference/dimensionality.md.
[[nodiscard]] constexpr double
participation_ratio_unbiased_of(double samples, double t, double r, double d,
                                double rounding = std::numeric_limits<double>::epsilon()) noexcept {
    const double n = samples;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (n < 4) return nan;
    const double fourth = n * (n - 1) * d;
    const double a = (n * n - 3 * n + 1) * t * t + 2 * r - fourth;
    const double b = (n - 1) * (n - 2) * r + t * t - fourth;
    const double error_of_a = 2 * rounding * ((n * n - 3 * n + 3) * t * t + fourth);
    // b > error, with the part of the error in sqrt(R) squared.
    const double above = b - 2 * rounding * (t * t + fourth);
    const double of_root = 2 * rounding * (n - 1) * (n - 2) * t;
    return a > error_of_a && above > 0 && above * above > of_root * of_root * r ? a / b : nan;
}

namespace detail {

/// Traces outside this range leave too little room for sums of fourth powers.
[[nodiscard]] constexpr bool fits_fourth_powers(double trace) noexcept {
    return trace > 1e-140 && trace < 1e140;
}

/// D times `scale`^2. NaN if the sum of fourth powers of a scatter matrix is outside the range of a double; a
/// Gram matrix has its terms on the diagonal.
[[nodiscard]] inline double scaled_fourth(const scatter_matrix& products, double scale) noexcept {
    if (!products.third.empty()) {
        return fits_fourth_powers(products.trace()) ? products.fourth * scale * scale
                                                    : std::numeric_limits<double>::quiet_NaN();
    }
    double sum = 0;
    for (std::size_t i = 0; i < products.order; ++i) {
        const double entry = scale * products.lower[i * products.order + i];
        sum += entry * entry;
    }
    return sum;
}

} // namespace detail

/// Participation ratio of the samples in a state, T^2 / R: the number of equal principal components with the
/// same spread of variance. No eigenvalues are computed.
///
/// Range 1 .. min(samples - 1, units); 0 when all samples are equal. Biased downward for few samples: see
/// `participation_ratio_unbiased`.
[[nodiscard]] inline double participation_ratio(const scatter_matrix& products) noexcept {
    const double scale = products.unit_scale();
    const double t = scale * products.trace();
    const double r = products.frobenius2(scale);
    return r == 0 ? 0 : t * t / r;
}

/// The unbiased participation ratio of the samples in a state. Samples must be independent. May exceed the
/// number of samples and of units. NaN below 4 samples and if the estimate of tr(Sigma^2) is 0 up to
/// rounding, as for orthogonal rows. With more samples than units also NaN if their spread is below 1e-70 or
/// above 1e70.
///
/// Source: Chen, Zhang, Zhong 2010; Himeno, Yamada 2014; Chun, Canatar, Chung, Lee 2025 (arXiv 2509.26560).
[[nodiscard]] inline double participation_ratio_unbiased(const scatter_matrix& products) noexcept {
    const double scale = products.unit_scale();
    return participation_ratio_unbiased_of(static_cast<double>(products.samples), scale * products.trace(),
                                           products.frobenius2(scale), detail::scaled_fourth(products, scale),
                                           products.rounding);
}

/// Participation ratio of the samples in `state`.
template <product_backend Backend = eigen_products>
[[nodiscard]] double participation_ratio(const covariance& state, Backend backend = {}) {
    return participation_ratio(state.centered(backend));
}

/// Unbiased participation ratio of the samples in `state`.
template <product_backend Backend = eigen_products>
[[nodiscard]] double participation_ratio_unbiased(const covariance& state, Backend backend = {}) {
    return participation_ratio_unbiased(state.centered(backend));
}

namespace detail {

template <typename Activations>
[[nodiscard]] covariance covariance_of(std::string_view function, const Activations& activations,
                                       const update_options& options) {
    const auto x = as_activations(activations, options.axes, function);
    if (x.extent(0) < 2 || x.extent(1) == 0) {
        constexpr const char* expected = "expected at least 2 samples and 1 unit";
        // The shape that the caller passed, not the four axes of the view.
        if constexpr (static_rank<Activations> != dynamic_rank) {
            errors::throw_shape_error(function, expected, as_view(activations).extents());
        }
        errors::throw_shape_error(function, expected, x.extents());
    }
    covariance state(x.extent(1));
    state.update(x, {.threads = options.threads});
    return state;
}

} // namespace detail

/// Participation ratio of activations (samples, units), (samples, channels, height, width), or as
/// `options.axes` states.
///
/// As `participation_ratio` of a state; throws as `covariance::update` does, and `shape_error` below 2
/// samples.
template <tensor_like Activations>
[[nodiscard]] double participation_ratio(const Activations& activations, const update_options& options = {}) {
    return participation_ratio(detail::covariance_of("participation_ratio", activations, options));
}

/// Unbiased participation ratio of activations; as `participation_ratio`.
template <tensor_like Activations>
[[nodiscard]] double participation_ratio_unbiased(const Activations& activations,
                                                  const update_options& options = {}) {
    return participation_ratio_unbiased(
        detail::covariance_of("participation_ratio_unbiased", activations, options));
}

/// Selected if the activations are not a tensor; does not compile.
template <typename T>
    requires(!tensor_like<T>)
double participation_ratio(const T&, const update_options& = {}) {
    detail::refuse_non_tensor<T>();
    return 0;
}
/// Selected if the activations are not a tensor; does not compile.
template <typename T>
    requires(!tensor_like<T>)
double participation_ratio_unbiased(const T&, const update_options& = {}) {
    detail::refuse_non_tensor<T>();
    return 0;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
