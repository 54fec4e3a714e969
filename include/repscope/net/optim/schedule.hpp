#pragma once

#include "repscope/version.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Learning rate that rises linearly and falls to 0 as a cosine: rate(i) = peak min(1, (i + 1) / warmup) (1 +
/// cos(pi i / steps)) / 2 for step i of `steps`. Without warm-up the first factor is 1.
struct cosine_schedule {
    double peak = 0.05;       ///< largest rate
    std::size_t warmup = 100; ///< steps of the linear rise
    std::size_t steps = 1;    ///< number of all steps

    /// The rate of a step, counted from 0.
    [[nodiscard]] double operator()(std::size_t step) const noexcept {
        const auto i = static_cast<double>(step);
        const double rise = warmup == 0 ? 1 : (std::min)(1.0, (i + 1) / static_cast<double>(warmup));
        return peak * rise * (1 + std::cos(std::numbers::pi * i / static_cast<double>(steps))) / 2;
    }
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
