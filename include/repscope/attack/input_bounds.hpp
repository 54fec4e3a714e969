#pragma once

#include "repscope/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// The range of input values in data units: one pair of bounds for all channels, or one pair per channel.
struct input_bounds {
    std::vector<double> lower{0.0}; ///< smallest values
    std::vector<double> upper{1.0}; ///< largest values

    /// The smallest value of a channel.
    [[nodiscard]] double lower_of(std::size_t channel) const noexcept {
        return lower[lower.size() == 1 ? 0 : channel];
    }
    /// The largest value of a channel.
    [[nodiscard]] double upper_of(std::size_t channel) const noexcept {
        return upper[upper.size() == 1 ? 0 : channel];
    }
    /// Width of the widest channel.
    [[nodiscard]] double width() const noexcept {
        double widest = 0;
        for (std::size_t c = 0; c < lower.size() || c < upper.size(); ++c) {
            const double wide = upper_of(c) - lower_of(c);
            if (wide > widest) widest = wide;
        }
        return widest;
    }
};

namespace detail {

/// Throws unless `bounds` has one pair, or one for each of `channels`, and each lower bound is below its
/// upper bound.
inline void check_bounds(std::string_view function, const input_bounds& bounds, std::size_t channels) {
    for (const std::size_t length : {bounds.lower.size(), bounds.upper.size()}) {
        if (length == 1 || length == channels) continue;
        errors::throw_shape_error(function, "expected bounds for 1 channel or for each of " +
                                                errors::text_of(channels) + ", got " +
                                                errors::text_of(length));
    }
    for (std::size_t c = 0; c < channels; ++c) {
        if (bounds.lower_of(c) < bounds.upper_of(c)) continue;
        errors::throw_value_error(function, "expected lower bounds below upper ones, got " +
                                                errors::text_of(bounds.lower_of(c)) + " and " +
                                                errors::text_of(bounds.upper_of(c)) + " for channel " +
                                                errors::text_of(c));
    }
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
