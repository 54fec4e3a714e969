#pragma once

#include "repscope/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Bound on the rounding of a sum of `additions` products, relative to the norms of its factors: in double n
/// 2^-53, twice as much for moved pilots and merges. In float the errors of a block of k <= 512 products are
/// assumed to have random signs: 8 sqrt(k) 2^-24 holds except for 1 of 10^13 (Higham, Mary 2019).
[[nodiscard]] inline double product_rounding(std::size_t additions, bool narrow) {
    const double sums = static_cast<double>(additions + 8) * std::numeric_limits<double>::epsilon();
    const auto block = static_cast<double>((std::min<std::size_t>)(additions, 512));
    constexpr double narrow_epsilon{std::numeric_limits<float>::epsilon()};
    return narrow ? sums + 4 * std::sqrt(block) * narrow_epsilon : sums;
}

/// The squared length of a row of `units` values; if it underflows to 0, the smallest positive number. Throws
/// `value_error` if it overflows.
[[nodiscard]] inline double checked_square(double square, const double* row, std::size_t units) {
    if (square > 0 && square <= (std::numeric_limits<double>::max)()) return square;
    if (square == 0) {
        const bool zero = std::all_of(row, row + units, [](double value) { return value == 0; });
        return zero ? 0 : std::numeric_limits<double>::denorm_min();
    }
    errors::throw_value_error("covariance",
                              "expected activations whose squares fit a double, got larger ones: scale "
                              "them first");
}

/// Throws `value_error` if products underflow, or overflow in float, judged by the longest row: digits would
/// be lost silently.
inline void check_range(double largest_square, std::size_t units, bool narrow) {
    if (largest_square == 0) return;
    const double least = narrow ? 1e-30 * static_cast<double>(units) : 1e-290;
    if (largest_square >= least && (!narrow || largest_square <= 1e34)) return;
    errors::throw_value_error(
        "covariance", std::string(narrow ? "expected activations from 1e-15 to 1e15 for products "
                                           "in float"
                                         : "expected activations that spread by at least 1e-145") +
                          ", got " + (largest_square < 1 ? "smaller" : "larger") + " ones: scale them first");
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
