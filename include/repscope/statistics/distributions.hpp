#pragma once

#include "repscope/error.hpp"
#include "repscope/random/normal_quantile.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// Logarithm of the gamma function for x > 0, absolute error about 1e-15 max(1, its value). `std::lgamma` is
/// not used because it writes a global variable.
[[nodiscard]] inline double log_gamma(double x) noexcept {
    double product = 1;
    for (; x < 10; ++x) product *= x;
    const double inverse = 1 / x;
    const double square = inverse * inverse;
    // Stirling's series; the first omitted term is below 1e-15 from x = 10 on.
    double series = -691.0 / 360360.0;
    series = series * square + 1.0 / 1188.0;
    series = series * square - 1.0 / 1680.0;
    series = series * square + 1.0 / 1260.0;
    series = series * square - 1.0 / 360.0;
    series = series * square + 1.0 / 12.0;
    constexpr double half_log_two_pi = 0.91893853320467274178;
    return (x - 0.5) * std::log(x) - x + half_log_two_pi + series * inverse - std::log(product);
}

/// The continued fraction of the incomplete beta function by the method of Lentz; converges fast for
/// x < (a + 1) / (a + b + 2).
[[nodiscard]] inline double beta_fraction(double a, double b, double x) noexcept {
    constexpr double tiny = 1e-300;
    const auto away_from_zero = [](double v) { return std::abs(v) < tiny ? tiny : v; };
    double c = 1;
    double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
    double result = d;
    for (double m = 1; m < 100000; ++m) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        result *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        const double step = d * c;
        result *= step;
        if (std::abs(step - 1) < 1e-16) break;
    }
    return result;
}

inline void check_confidence(std::string_view function, double confidence) {
    if (!(confidence > 0 && confidence < 1)) {
        errors::throw_value_error(function, "expected a confidence between 0 and 1, got " +
                                                errors::text_of(confidence));
    }
}

} // namespace detail

/// The regularized incomplete beta function I_x(a, b): the distribution function of a beta variable.
///
/// a, b > 0; 0 below x = 0, 1 above x = 1. Relative error about 1e-13 for a + b below 10^4; it grows with a +
/// b. Cost: a continued fraction of O(sqrt(max(a, b))) terms.
[[nodiscard]] inline double incomplete_beta(double a, double b, double x) noexcept {
    if (!(x > 0)) return x <= 0 ? 0 : x;
    if (x >= 1) return 1;
    const double log_front = a * std::log(x) + b * std::log1p(-x) -
                             (detail::log_gamma(a) + detail::log_gamma(b) - detail::log_gamma(a + b));
    const double front = std::exp(log_front);
    if (x < (a + 1) / (a + b + 2)) return front * detail::beta_fraction(a, b, x) / a;
    return 1 - front * detail::beta_fraction(b, a, 1 - x) / b;
}

/// The x at which I_x(a, b) = probability, by bisection down to neighboring doubles. NaN for a probability
/// outside [0, 1].
[[nodiscard]] inline double beta_quantile(double a, double b, double probability) noexcept {
    if (!(probability >= 0 && probability <= 1)) return std::numeric_limits<double>::quiet_NaN();
    if (probability == 0 || probability == 1) return probability;
    double low = 0;
    double high = 1;
    for (int step = 0; step < 1100; ++step) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        (incomplete_beta(a, b, middle) < probability ? low : high) = middle;
    }
    return low + (high - low) / 2;
}

/// P(X <= successes) of a binomial variable; `chance` is the probability of success, in [0, 1].
[[nodiscard]] inline double binomial_cdf(std::uint64_t successes, std::uint64_t trials,
                                         double chance) noexcept {
    if (successes >= trials) return 1;
    return incomplete_beta(static_cast<double>(trials - successes), static_cast<double>(successes) + 1,
                           1 - chance);
}

/// The standard normal distribution function.
[[nodiscard]] inline double normal_cdf(double z) noexcept { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

/// The quantile of Student's t distribution with `freedom` > 0 degrees of freedom.
///
/// -infinity at 0, infinity at 1, NaN outside [0, 1].
[[nodiscard]] inline double student_quantile(double probability, double freedom) noexcept {
    if (!(probability >= 0 && probability <= 1)) return std::numeric_limits<double>::quiet_NaN();
    if (probability == 0.5) return 0;
    const double tail = (std::min)(probability, 1 - probability);
    // P(|T| > t) is an incomplete beta function of freedom / (freedom + t^2).
    const double x = beta_quantile(freedom / 2, 0.5, 2 * tail);
    const double t = std::sqrt(freedom * (1 - x) / x);
    return probability < 0.5 ? -t : t;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
