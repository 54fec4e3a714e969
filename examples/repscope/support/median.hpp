#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace program {

/// The middle one, or the mean of the two in the middle; NaN of none.
inline double median_of(std::vector<double> values) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

} // namespace program
