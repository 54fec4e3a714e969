#pragma once

#include "repscope/detail/common/entropy.hpp"
#include "repscope/error.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

[[nodiscard]] constexpr double sum_of(std::span<const double> values) noexcept {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
}

inline void check_fraction(std::string_view function, double fraction) {
    if (!(fraction > 0 && fraction <= 1)) {
        errors::throw_value_error(function, "expected a fraction of variance in (0, 1], got " +
                                                errors::text_of(fraction));
    }
}

} // namespace detail

/// Number of principal components that hold a fraction of the variance: the smallest k with q_1 + ... + q_k
/// >= fraction, where q are the shares of the eigenvalues.
///
/// `eigenvalues`: descending, not negative. 0 when they are all 0. Shares are compared with a tolerance of
/// 1e-12, so that ties do not depend on rounding. Throws `value_error` for a fraction outside (0, 1]. O(n).
[[nodiscard]] constexpr std::size_t component_count(std::span<const double> eigenvalues, double fraction) {
    if (!(fraction > 0 && fraction <= 1)) detail::check_fraction("components", fraction);
    const double total = detail::sum_of(eigenvalues);
    if (total == 0) return 0;
    double sum = 0;
    for (std::size_t k = 0; k < eigenvalues.size(); ++k) {
        sum += eigenvalues[k];
        if (sum / total >= fraction - 1e-12) return k + 1;
    }
    return eigenvalues.size();
}

/// Position at which the cumulated share of variance, interpolated linearly, crosses `fraction`: k - 1 +
/// (fraction - (q_1 + ... + q_{k-1})) / q_k, where k is `component_count`.
///
/// Range 0 .. `component_count`; 0 when the eigenvalues are all 0. Errors and cost as `component_count`.
[[nodiscard]] constexpr double components_interpolated(std::span<const double> eigenvalues, double fraction) {
    const std::size_t k = component_count(eigenvalues, fraction);
    if (k == 0) return 0;
    const double before = detail::sum_of(eigenvalues.first(k - 1)) / detail::sum_of(eigenvalues);
    const double share = eigenvalues[k - 1] / detail::sum_of(eigenvalues);
    const double part = (fraction - before) / share;
    return static_cast<double>(k - 1) + (part < 0 ? 0 : part > 1 ? 1 : part);
}

/// exp of the entropy of lambda_i / sum lambda, where lambda_i are the eigenvalues. Range 1 .. their number;
/// 0 when they are all 0. O(n).
[[nodiscard]] inline double effective_rank_eigenvalues(std::span<const double> eigenvalues) {
    const double total = detail::sum_of(eigenvalues);
    return total == 0 ? 0 : std::exp(detail::entropy_of_shares(eigenvalues, total));
}

/// exp of the entropy of s_i / sum s, where the singular values s_i are the square roots of the eigenvalues.
/// Range 1 .. their number; 0 when they are all 0. O(n). Source: Roy and Vetterli 2007.
[[nodiscard]] inline double effective_rank_singular_values(std::span<const double> eigenvalues) {
    std::vector<double> roots;
    roots.reserve(eigenvalues.size());
    double total = 0;
    for (const double value : eigenvalues) {
        roots.push_back(std::sqrt(value));
        total += roots.back();
    }
    return total == 0 ? 0 : std::exp(detail::entropy_of_shares(roots, total));
}

/// Sum of the eigenvalues over the largest. Range 1 .. their number; 0 when they are all 0.
/// `eigenvalues`: descending.
[[nodiscard]] constexpr double stable_rank(std::span<const double> eigenvalues) noexcept {
    return eigenvalues.empty() || eigenvalues[0] == 0 ? 0 : detail::sum_of(eigenvalues) / eigenvalues[0];
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
