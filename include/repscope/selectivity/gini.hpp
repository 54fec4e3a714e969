#pragma once

#include "repscope/moments/class_sums.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The Gini index of non-negative values: sum over sorted values of (2 i - n - 1) x_i / (n sum x).
///
/// 0 if all are equal, or all 0; 1 - 1/n if one is not 0. NaN without values and if one is negative. O(n log
/// n). Source: Gini 1912.
[[nodiscard]] inline double gini_index(std::span<const double> values) {
    std::vector<double> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    if (sorted.empty() || !(sorted.front() >= 0)) return std::numeric_limits<double>::quiet_NaN();
    if (sorted.front() == sorted.back()) return 0;
    const auto n = static_cast<double>(sorted.size());
    double weighted = 0;
    double sum = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        weighted += (2 * static_cast<double>(i + 1) - n - 1) * sorted[i];
        sum += sorted[i];
    }
    return weighted / (n * sum);
}

/// The Gini index of every unit's class means: unlike the class selectivity index it depends on all of them
/// and not on the largest alone. Biased upward by noise like that index. Classes without samples, or with
/// fewer than `min_class_samples`, are excluded. NaN for a unit with a negative class mean and without
/// classes. O(units x classes log classes).
[[nodiscard]] inline std::vector<double> class_gini(const class_sums& state,
                                                    std::uint64_t min_class_samples = 1) {
    std::vector<double> result;
    std::vector<double> means;
    for (std::size_t u = 0; u < state.units(); ++u) {
        means.clear();
        for (std::size_t c = 0; c < state.classes(); ++c) {
            if (state.count(c) > 0 && state.count(c) >= min_class_samples) means.push_back(state.mean(c, u));
        }
        result.push_back(gini_index(means));
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
