#pragma once

#include "repscope/detail/common/entropy.hpp"
#include "repscope/moments/class_sums.hpp"

#include <cstddef>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Returns, per unit, the entropy in nats of its class means as shares of their sum: -sum p log p, where p is
/// a class mean over the sum of all class means.
///
/// Range 0 (the unit answers one class) to log C (all class means are equal), C the classes with samples; the
/// others are left out. Biased upward by noise. NaN for a unit with a negative class mean, a silent unit, and
/// without samples. O(units x classes).
[[nodiscard]] inline std::vector<double> label_entropy(const class_sums& state) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> result(state.units(), nan);
    std::vector<double> means;
    for (std::size_t u = 0; u < state.units(); ++u) {
        means.clear();
        double sum = 0;
        bool is_negative = false;
        for (std::size_t c = 0; c < state.classes(); ++c) {
            if (state.count(c) == 0) continue;
            means.push_back(state.mean(c, u));
            sum += means.back();
            is_negative = is_negative || means.back() < 0;
        }
        if (!is_negative && sum > 0) result[u] = detail::entropy_of_shares(means, sum);
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
