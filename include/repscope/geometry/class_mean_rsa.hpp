#pragma once

#include "repscope/error.hpp"
#include "repscope/statistics/rank_correlation.hpp"

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A state with the class means of a layer: `class_sums` or `class_moments`.
template <typename State>
concept class_mean_state = requires(const State& state, std::size_t k) {
    { state.units() } -> std::convertible_to<std::size_t>;
    { state.classes() } -> std::convertible_to<std::size_t>;
    { state.count(k) } -> std::convertible_to<std::uint64_t>;
    { state.mean(k, k) } -> std::convertible_to<double>;
};

namespace detail {

/// Euclidean distances of the class means of all pairs of classes with samples.
template <class_mean_state State>
[[nodiscard]] std::vector<double> class_mean_distances(const State& state) {
    std::vector<double> distances;
    for (std::size_t a = 0; a < state.classes(); ++a) {
        for (std::size_t b = 0; b < a; ++b) {
            if (state.count(a) == 0 || state.count(b) == 0) continue;
            double square = 0;
            for (std::size_t u = 0; u < state.units(); ++u) {
                const double difference = state.mean(a, u) - state.mean(b, u);
                square += difference * difference;
            }
            distances.push_back(std::sqrt(square));
        }
    }
    return distances;
}

} // namespace detail

/// Computes the representational similarity (RSA) of the class means of two layers: Spearman's correlation of
/// the Euclidean distances between class means, over all pairs of classes.
///
/// `x` and `y`: states of the same samples. Classes without samples are left out. Range -1 to 1; NaN below 3
/// classes and if all distances of a layer are equal. Noise of the class means moves it toward 0. Throws
/// `value_error` if the classes or their samples differ. O(classes^2 units). Source: Kriegeskorte, Mur and
/// Bandettini 2008.
template <class_mean_state X, class_mean_state Y>
[[nodiscard]] double class_mean_rsa(const X& x, const Y& y) {
    constexpr const char* name = "class_mean_rsa";
    if (x.classes() != y.classes()) {
        errors::throw_value_error(name, "expected states of the same classes, got " +
                                            errors::text_of(x.classes()) + " and " +
                                            errors::text_of(y.classes()));
    }
    std::size_t classes = 0;
    for (std::size_t c = 0; c < x.classes(); ++c) {
        classes += x.count(c) > 0 ? 1U : 0U;
        if (x.count(c) == y.count(c)) continue;
        errors::throw_value_error(name, "expected the same samples of class " + errors::text_of(c) +
                                            ", got " + errors::text_of(x.count(c)) + " and " +
                                            errors::text_of(y.count(c)));
    }
    if (classes < 3) return std::numeric_limits<double>::quiet_NaN();
    return spearman(detail::class_mean_distances(x), detail::class_mean_distances(y));
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
