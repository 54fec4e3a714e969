#pragma once

#include "repscope/error.hpp"
#include "repscope/moments/covariance.hpp"

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace repscope {
inline namespace v0 {

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
/// NaN below 4 samples and when B <= 0, never clamped. Source: docs/definitions.md.
[[nodiscard]] constexpr double participation_ratio_unbiased_of(double samples, double t, double r,
                                                               double d) noexcept {
    const double n = samples;
    if (n < 4) return std::numeric_limits<double>::quiet_NaN();
    const double a = (n * n - 3 * n + 1) * t * t + 2 * r - n * (n - 1) * d;
    const double b = (n - 1) * (n - 2) * r + t * t - n * (n - 1) * d;
    return b > 0 ? a / b : std::numeric_limits<double>::quiet_NaN();
}

/// Participation ratio of what a state has seen, T^2 / R: the number of equal principal components that would
/// spread the variance as much. No eigenvalues are computed.
///
/// Range 1 .. min(samples - 1, units); 0 when all samples are equal. Biased downward when samples are few:
/// see `participation_ratio_unbiased`.
[[nodiscard]] inline double participation_ratio(const centred_products& products) noexcept {
    const double t = products.trace();
    const double r = products.frobenius2();
    return r == 0 ? 0 : t * t / r;
}

/// The unbiased participation ratio of what a state has seen. Samples must be independent. May exceed the
/// number of samples and of units; NaN below 4 samples and when the estimate of tr(Sigma^2) is not positive.
///
/// Source: Chen, Zhang, Zhong 2010; Himeno, Yamada 2014; Chun, Canatar, Chung, Lee 2025 (arXiv 2509.26560).
[[nodiscard]] inline double participation_ratio_unbiased(const centred_products& products) noexcept {
    return participation_ratio_unbiased_of(static_cast<double>(products.samples), products.trace(),
                                           products.frobenius2(), products.fourth);
}

/// Participation ratio of the samples in `state`.
template <product_backend Backend = eigen_products>
[[nodiscard]] double participation_ratio(const covariance& state, Backend backend = {}) {
    return participation_ratio(state.centred(backend));
}

/// Unbiased participation ratio of the samples in `state`.
template <product_backend Backend = eigen_products>
[[nodiscard]] double participation_ratio_unbiased(const covariance& state, Backend backend = {}) {
    return participation_ratio_unbiased(state.centred(backend));
}

namespace detail {

template <typename Activations>
[[nodiscard]] covariance covariance_of(std::string_view function, const Activations& activations,
                                       const update_options& options) {
    const auto x = as_activations(activations, options.axes, function);
    if (x.extent(0) < 2 || x.extent(1) == 0) {
        constexpr const char* wanted = "wanted at least 2 samples and 1 unit";
        // The caller's shape, not the four axes as which it is read.
        if constexpr (static_rank<Activations> != dynamic_rank) {
            throw_shape_error(function, wanted, as_view(activations).extents());
        }
        throw_shape_error(function, wanted, x.extents());
    }
    covariance state(x.extent(1));
    state.update(x, {.threads = options.threads});
    return state;
}

} // namespace detail

/// Participation ratio of activations (samples, units), (samples, channels, height, width), or as
/// `options.axes` says.
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

/// Chosen for activations that are not a tensor; does not compile.
template <typename T>
    requires(!tensor_like<T>)
double participation_ratio(const T&, const update_options& = {}) {
    detail::refuse_non_tensor<T>();
    return 0;
}
template <typename T>
    requires(!tensor_like<T>)
double participation_ratio_unbiased(const T&, const update_options& = {}) {
    detail::refuse_non_tensor<T>();
    return 0;
}

} // namespace v0
} // namespace repscope
