#pragma once

#include "repscope/dimensionality/spectrum.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/linalg/symmetric_eigenvalues.hpp"
#include "repscope/moments/covariance.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// Eigenvalues of the lower triangle of sums of products over `samples` samples, over their number. Rows and
/// columns of zeros, those of silent units, are left out of the matrix: their eigenvalues are exactly 0,
/// where the solver gives them a rounding whose root is visible.
template <typename = void>
[[nodiscard]] std::vector<double> uncentered_values(const std::vector<double>& lower, std::size_t order,
                                                    std::uint64_t samples, const thread_source& threads) {
    std::vector<std::size_t> live;
    for (std::size_t i = 0; i < order; ++i) {
        if (lower[i * order + i] > 0) live.push_back(i);
    }
    if (live.empty()) return std::vector<double>(order);
    std::vector<double> products(live.size() * live.size());
    for (std::size_t i = 0; i < live.size(); ++i) {
        for (std::size_t j = 0; j <= i; ++j) products[i * live.size() + j] = lower[live[i] * order + live[j]];
    }
    std::vector<double> values =
        eigenvalues_of_symmetric<double>("uncentered_spectrum", products, live.size(), threads);
    std::reverse(values.begin(), values.end());
    for (double& value : values) value /= static_cast<double>(samples);
    remove_rounding(values);
    values.resize(order);
    return values;
}

} // namespace detail

/// Computes the eigenvalues of the second moment about 0, the mean of x x^T over the samples, descending,
/// none negative: min(samples, units) of them; all others are 0. Those that cannot be distinguished from
/// rounding are 0, as in `spectrum`.
///
/// Throws `value_error` for a Gram matrix and if the solver does not converge. O(units^3), as much as
/// `spectrum`.
template <typename = void>
[[nodiscard]] std::vector<double> uncentered_spectrum(const scatter_matrix& products,
                                                      const spectrum_options& options = {}) {
    if (products.third.empty()) {
        errors::throw_value_error("uncentered_spectrum",
                                  "expected a scatter matrix, got a Gram matrix: pass the covariance");
    }
    std::vector<double> lower = products.lower;
    for (std::size_t i = 0; i < products.units; ++i) {
        const double weighted = static_cast<double>(products.samples) * products.mean[i];
        for (std::size_t j = 0; j <= i; ++j) lower[i * products.units + j] += weighted * products.mean[j];
    }
    return detail::uncentered_values(lower, products.order, products.samples, options.threads);
}

/// Computes the same of a covariance of any number of samples; empty without samples.
template <product_backend Backend = eigen_products>
[[nodiscard]] std::vector<double>
uncentered_spectrum(const covariance& state, const spectrum_options& options = {}, Backend backend = {}) {
    if (!state.is_thin()) return uncentered_spectrum(state.centered(backend), options);
    const auto order = static_cast<std::size_t>(state.samples());
    std::vector<double> gram(order * order);
    Backend::template syrk_add<factor::as_is>(order, state.units(), state.rows().data(), state.units(),
                                              gram.data(), order);
    return detail::uncentered_values(gram, order, state.samples(), options.threads);
}

/// Computes RankMe, exp(-sum p_k log p_k) with p_k = s_k / sum s + epsilon, s the roots of the eigenvalues:
/// the singular values of the matrix of samples, up to a factor.
///
/// `eigenvalues`: of `uncentered_spectrum`; RankMe does not center. Range 1 to their number, slightly more
/// because of epsilon; 0 when they are all 0. Biased downward for few samples. O(n). Source: Garrido,
/// Balestriero, Najman and LeCun 2023 (arXiv 2210.02885). Of the eigenvalues of the covariance it is
/// `effective_rank_singular_values`, up to epsilon.
[[nodiscard]] inline double rank_me(std::span<const double> eigenvalues, double epsilon = 1e-7) {
    double total = 0;
    for (const double value : eigenvalues) total += std::sqrt(value);
    if (total == 0) return 0;
    double entropy = 0;
    for (const double value : eigenvalues) {
        const double share = std::sqrt(value) / total + epsilon;
        if (share > 0) entropy -= share * std::log(share);
    }
    return std::exp(entropy);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
