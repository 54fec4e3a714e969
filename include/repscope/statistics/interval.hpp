#pragma once

#include "repscope/version.hpp"

#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A confidence interval; both ends are NaN if it does not exist.
struct interval {
    double low = std::numeric_limits<double>::quiet_NaN();  ///< lower end
    double high = std::numeric_limits<double>::quiet_NaN(); ///< upper end

    /// Whether the value is in the closed interval.
    [[nodiscard]] constexpr bool contains(double value) const noexcept {
        return low <= value && value <= high;
    }
    friend constexpr bool operator==(const interval&, const interval&) = default;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
