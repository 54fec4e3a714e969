#pragma once

#include "repscope/error.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// The indices of `p`, the smallest value first; of equal ones, the first index first.
[[nodiscard]] inline std::vector<std::size_t> ascending_places(std::string_view function,
                                                               std::span<const double> p) {
    for (std::size_t i = 0; i < p.size(); ++i) {
        if (!(p[i] >= 0 && p[i] <= 1)) {
            errors::throw_value_error(function, "expected probabilities in 0 .. 1, got " +
                                                    errors::text_of(p[i]) + " at position " +
                                                    errors::text_of(i));
        }
    }
    std::vector<std::size_t> places(p.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
    return places;
}

} // namespace detail

/// Holm's adjusted p-values, in the order of `p_values`: rejecting those at most alpha keeps the probability
/// of any false rejection at most alpha, under any dependence of the tests. Use it for the corruptions of a
/// set.
///
/// adjusted_(i) = max_{j <= i} min(1, (m - j + 1) p_(j)), p sorted. Throws `value_error` for a value outside
/// 0 .. 1 or NaN. O(m log m). Source: Holm 1979.
[[nodiscard]] inline std::vector<double> holm(std::span<const double> p_values) {
    const auto places = detail::ascending_places("holm", p_values);
    std::vector<double> adjusted(p_values.size());
    double largest = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const double p = static_cast<double>(places.size() - i) * p_values[places[i]];
        largest = (std::max)(largest, (std::min)(1.0, p));
        adjusted[places[i]] = largest;
    }
    return adjusted;
}

/// Benjamini and Hochberg's adjusted p-values (q-values), in the order of `p_values`. Of those at most q, a
/// share of at most q is false on average, for independent or positively dependent tests. Use it for the
/// units of a layer.
///
/// adjusted_(i) = min_{j >= i} min(1, m p_(j) / j), p sorted. Throws `value_error` for a value outside 0 .. 1
/// or NaN. O(m log m). Source: Benjamini and Hochberg 1995.
[[nodiscard]] inline std::vector<double> benjamini_hochberg(std::span<const double> p_values) {
    const auto places = detail::ascending_places("benjamini_hochberg", p_values);
    std::vector<double> adjusted(p_values.size());
    const auto m = static_cast<double>(places.size());
    double smallest = 1;
    for (std::size_t i = places.size(); i-- > 0;) {
        smallest = (std::min)(smallest, m * p_values[places[i]] / static_cast<double>(i + 1));
        adjusted[places[i]] = smallest;
    }
    return adjusted;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
