#pragma once

#include "repscope/version.hpp"

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace portable {

namespace detail {

/// sin(x + low) for |x| <= pi / 4, with low far below the last digit of x: the power series, with x itself
/// added last.
[[nodiscard]] constexpr double sine_series(double x, double low) noexcept {
    const double z = x * x;
    double series = 1.0 / 355687428096000.0;
    series = 1.0 / 1307674368000.0 - series * z;
    series = 1.0 / 6227020800.0 - series * z;
    series = 1.0 / 39916800.0 - series * z;
    series = 1.0 / 362880.0 - series * z;
    series = 1.0 / 5040.0 - series * z;
    series = 1.0 / 120.0 - series * z;
    // The rounding error of 1/6 in double is added back.
    const double cube = x * z;
    return x - (cube * (0x1.5555555555555p-3 + (0x1.5555555555555p-57 - series * z)) - low * (1.0 - 0.5 * z));
}

[[nodiscard]] constexpr double cosine_series(double x, double low) noexcept {
    const double z = x * x;
    double series = 1.0 / 20922789888000.0;
    series = 1.0 / 87178291200.0 - series * z;
    series = 1.0 / 479001600.0 - series * z;
    series = 1.0 / 3628800.0 - series * z;
    series = 1.0 / 40320.0 - series * z;
    series = 1.0 / 720.0 - series * z;
    series = 1.0 / 24.0 - series * z;
    const double half = 0.5 * z;
    const double leading = 1.0 - half;
    // The rounding error of 1 - z/2 is added at the small end of the sum.
    return leading + (((1.0 - leading) - half) + (z * z * series - x * low));
}

/// x = quadrant pi / 2 + high + low.
struct reduced_angle {
    int quadrant;
    double high;
    double low;
};

[[nodiscard]] constexpr reduced_angle reduce_angle(double x) noexcept {
    const double turns = x * 0x1.45f306dc9c883p-1; // 2 / pi
    const int quadrant = static_cast<int>(turns < 0.0 ? turns - 0.5 : turns + 0.5);
    // pi / 2 in parts; the first two have 33 bits, so that their products are exact.
    const auto k = static_cast<double>(quadrant);
    const double rest = x - k * 0x1.921fb544p+0;
    const double second = k * 0x1.0b4611a6p-34;
    const double third = k * 0x1.3198a2e037073p-69;
    const double high = rest - second;
    const double low = ((rest - high) - second) - third;
    const double sum = high + low;
    return {quadrant & 3, sum, low - (sum - high)};
}

} // namespace detail

/// Sine of an angle in radians, within 1 ulp for |x| <= 2^20, from additions and multiplications alone; see
/// portable_math.hpp.
[[nodiscard]] constexpr double sin(double x) noexcept {
    const auto r = detail::reduce_angle(x);
    const double value =
        (r.quadrant & 1) == 0 ? detail::sine_series(r.high, r.low) : detail::cosine_series(r.high, r.low);
    return r.quadrant < 2 ? value : -value;
}

/// Cosine of an angle in radians; like `sin`.
[[nodiscard]] constexpr double cos(double x) noexcept {
    const auto r = detail::reduce_angle(x);
    const double value =
        (r.quadrant & 1) == 0 ? detail::cosine_series(r.high, r.low) : detail::sine_series(r.high, r.low);
    return r.quadrant == 0 || r.quadrant == 3 ? value : -value;
}

} // namespace portable
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
