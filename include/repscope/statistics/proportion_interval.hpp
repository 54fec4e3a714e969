#pragma once

#include "repscope/error.hpp"
#include "repscope/statistics/distributions.hpp"
#include "repscope/statistics/interval.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

inline void check_proportion(std::string_view function, std::uint64_t successes, std::uint64_t trials,
                             double confidence) {
    if (trials == 0 || successes > trials) {
        errors::throw_value_error(function,
                                  "expected at least 1 trial and no more successes than trials, got " +
                                      errors::text_of(successes) + " of " + errors::text_of(trials));
    }
    check_confidence(function, confidence);
}

} // namespace detail

/// The Wilson score interval of a proportion, such as an accuracy, a robust accuracy, or another share of
/// independent samples.
///
/// It covers the sampling of the `trials` only, not the variation between training runs. It is within [0, 1]
/// and never of length 0. Its coverage is near the nominal one on average, and may fall below it for some
/// proportions: see `clopper_pearson_interval`. Throws `value_error` for no trials, more successes than
/// trials, and a confidence outside (0, 1). Source: Wilson 1927.
[[nodiscard]] inline interval wilson_interval(std::uint64_t successes, std::uint64_t trials,
                                              double confidence = 0.95) {
    detail::check_proportion("wilson_interval", successes, trials, confidence);
    const auto n = static_cast<double>(trials);
    const double share = static_cast<double>(successes) / n;
    const double z = normal_quantile(0.5 + confidence / 2);
    const double center = share + z * z / (2 * n);
    const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    const double scale = 1 + z * z / n;
    // At the ends the two terms are equal, and rounding must not move the bound away from 0 or 1.
    return {successes == 0 ? 0 : (center - half) / scale, successes == trials ? 1 : (center + half) / scale};
}

/// The Clopper-Pearson interval of a proportion: its coverage is at least the stated confidence for any
/// proportion; it is wider than `wilson_interval`.
///
/// Range and errors as for `wilson_interval`. Source: Clopper and Pearson 1934.
[[nodiscard]] inline interval clopper_pearson_interval(std::uint64_t successes, std::uint64_t trials,
                                                       double confidence = 0.95) {
    detail::check_proportion("clopper_pearson_interval", successes, trials, confidence);
    const auto k = static_cast<double>(successes);
    const auto n = static_cast<double>(trials);
    const double tail = (1 - confidence) / 2;
    return {successes == 0 ? 0 : beta_quantile(k, n - k + 1, tail),
            successes == trials ? 1 : 1 - beta_quantile(n - k, k + 1, tail)};
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
