#pragma once

#include "repscope/version.hpp"

#include <cmath>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Entropy in nats of values that are not negative, as shares of `total`, their sum, which is above 0.
[[nodiscard]] inline double entropy_of_shares(std::span<const double> values, double total) noexcept {
    double entropy = 0;
    for (const double value : values) {
        const double share = value / total;
        if (share > 0) entropy -= share * std::log(share);
    }
    return entropy;
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
