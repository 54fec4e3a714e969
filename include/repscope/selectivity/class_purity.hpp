#pragma once

#include "repscope/moments/activation_counts.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Returns, per unit, the largest share that one class has of the samples for which the unit is active.
///
/// Range 1 / C to 1, C the number of classes. A unit that is independent of the classes has about the share
/// of the largest class. NaN for a unit that is never active. O(units x classes).
[[nodiscard]] inline std::vector<double> class_purity(const activation_counts& state) {
    std::vector<double> result;
    for (std::size_t u = 0; u < state.units(); ++u) {
        std::uint64_t largest = 0;
        std::uint64_t all = 0;
        for (std::size_t c = 0; c < state.classes(); ++c) {
            largest = (std::max)(largest, state.active(c, u));
            all += state.active(c, u);
        }
        result.push_back(all == 0 ? std::numeric_limits<double>::quiet_NaN()
                                  : static_cast<double>(largest) / static_cast<double>(all));
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
