#pragma once

#include "repscope/moments/class_moments.hpp"

#include <cstddef>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Returns, per unit, the class form of the monosemanticity score: the share of pairs of different samples
/// that have the same class, each pair weighted by the product of its activations,
///
///     (sum over classes of A_c^2 - v) / (a^2 - v)
///
/// where A_c is the sum of the activations of a class, a that of all samples and v that of the squares.
/// Activations are not negative: rectify them, or see docs/reference/selectivity.md. All classes count, and
/// no sample is paired with itself, so that a unit that is independent of the classes has the expectation of
/// a random pair, about sum (n_c / n)^2.
///
/// Range 0 to 1. NaN for a unit with a negative class mean, and for one that responds to fewer than two
/// samples. O(units x classes). Source: Pach et al. 2025, with one-hot classes in place of embeddings.
[[nodiscard]] inline std::vector<double> mono_score(const class_moments& state) {
    std::vector<double> result(state.units(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t u = 0; u < state.units(); ++u) {
        double sum = 0;
        double class_squares = 0;
        double squares = 0;
        bool is_negative = false;
        for (std::size_t c = 0; c < state.classes(); ++c) {
            if (state.count(c) == 0) continue;
            const double class_sum = state.sum(c, u);
            sum += class_sum;
            class_squares += class_sum * class_sum;
            squares += state.m2(c, u) + class_sum * class_sum / static_cast<double>(state.count(c));
            is_negative = is_negative || class_sum < 0;
        }
        // Of one response the two terms are equal up to the rounding of the sums.
        const double rounding =
            std::numeric_limits<double>::epsilon() * static_cast<double>(state.samples()) * sum * sum;
        if (!is_negative && sum * sum - squares > rounding)
            result[u] = (class_squares - squares) / (sum * sum - squares);
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
