#pragma once

#include "repscope/error.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Hedges' d of paired differences, one per training seed: their mean over their standard deviation (divisor
/// n - 1), times J = 1 - 3 / (4 (n - 1) - 1), which removes most of the small-sample bias.
///
/// 0 if all differences are 0; infinite, with the sign of the mean, if they are all equal to another value.
/// NaN below 3 differences: with 2 the factor is 0. O(n). Source: Hedges 1981.
[[nodiscard]] inline double hedges_d(std::span<const double> differences) noexcept {
    if (differences.size() < 3) return std::numeric_limits<double>::quiet_NaN();
    const auto n = static_cast<double>(differences.size());
    double mean = 0;
    for (const double d : differences) mean += (d - differences[0]) / n;
    double squares = 0;
    for (const double d : differences) {
        const double apart = d - differences[0] - mean;
        squares += apart * apart;
    }
    mean += differences[0];
    if (mean == 0) return 0;
    const double sd = std::sqrt(squares / (n - 1));
    const double correction = 1 - 3 / (4 * (n - 1) - 1);
    return correction * mean / sd;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
