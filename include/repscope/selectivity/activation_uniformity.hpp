#pragma once

#include "repscope/detail/common/entropy.hpp"
#include "repscope/moments/activation_counts.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Returns, per class, how uniformly its samples activate the units of a layer: the entropy of the units'
/// activation frequencies as shares of their sum, over log U.
///
/// Range 0 (one unit is active) to 1 (all units are equally often active). NaN for a class without samples or
/// without an active unit, and for a layer of one unit. O(units x classes). Source: Bai et al. 2021, who
/// found that adversarial images activate channels more uniformly.
[[nodiscard]] inline std::vector<double> activation_uniformity(const activation_counts& state) {
    std::vector<double> result(state.classes(), std::numeric_limits<double>::quiet_NaN());
    if (state.units() < 2) return result;
    for (std::size_t c = 0; c < state.classes(); ++c) {
        if (state.count(c) == 0) continue;
        std::vector<double> frequencies(state.units());
        double sum = 0;
        for (std::size_t u = 0; u < state.units(); ++u) {
            frequencies[u] = state.frequency(c, u);
            sum += frequencies[u];
        }
        if (!(sum > 0)) continue;
        result[c] =
            detail::entropy_of_shares(frequencies, sum) / std::log(static_cast<double>(state.units()));
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
