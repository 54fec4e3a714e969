#pragma once

#include "repscope/version.hpp"

#include <bit>
#include <cstdint>
#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Exponential and logarithm from additions, multiplications and divisions alone. These are rounded alike
/// everywhere, so the functions give the same bits with every compiler and every C library, unlike `std::exp`
/// and `std::log`; random draws use them. This requires a build without contraction (-ffp-contract=off) and
/// without -ffast-math.
namespace portable {

namespace detail {

// ln 2 in two parts; the first has 32 bits, so that its product with an exponent is exact.
inline constexpr double ln2_high = 0x1.62e42feep-1;
inline constexpr double ln2_low = 0x1.a39ef35793c76p-33;
inline constexpr double inverse_ln2 = 0x1.71547652b82fep+0;

/// 2^exponent for exponents of normal numbers.
[[nodiscard]] constexpr double power_of_two(int exponent) noexcept {
    return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52U);
}

} // namespace detail

/// e^x, within 1 ulp; infinity above 709.78, 0 below -745.14, NaN of NaN.
[[nodiscard]] constexpr double exp(double x) noexcept {
    if (!(x == x)) return x;
    if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
    if (x < -745.1332191019412) return 0.0;
    // x = exponent ln 2 + r with |r| <= ln 2 / 2, then the power series of e^r - 1.
    const double scaled = x * detail::inverse_ln2;
    const int exponent = static_cast<int>(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
    const double high = x - static_cast<double>(exponent) * detail::ln2_high;
    const double low = static_cast<double>(exponent) * detail::ln2_low;
    const double r = high - low;
    double series = 1.0 / 6227020800.0;
    series = series * r + 1.0 / 479001600.0;
    series = series * r + 1.0 / 39916800.0;
    series = series * r + 1.0 / 3628800.0;
    series = series * r + 1.0 / 362880.0;
    series = series * r + 1.0 / 40320.0;
    series = series * r + 1.0 / 5040.0;
    series = series * r + 1.0 / 720.0;
    series = series * r + 1.0 / 120.0;
    series = series * r + 1.0 / 24.0;
    series = series * r + 1.0 / 6.0;
    series = series * r + 0.5;
    // The rounding errors of 1 + high and of r = high - low are added at the small end of the sum.
    const double leading = 1.0 + high;
    const double lost = high - (leading - 1.0);
    const double result = leading + (lost + (series * r * r - low));
    // A single factor could overflow or lose bits although the product does not.
    const int half = exponent / 2;
    return result * detail::power_of_two(half) * detail::power_of_two(exponent - half);
}

/// Natural logarithm, within 1 ulp; -infinity of 0, NaN of a negative number and of NaN.
[[nodiscard]] constexpr double log(double x) noexcept {
    if (!(x == x) || x == std::numeric_limits<double>::infinity()) return x;
    if (x == 0.0) return -std::numeric_limits<double>::infinity();
    if (x < 0.0) return std::numeric_limits<double>::quiet_NaN();
    int exponent = 0;
    if (x < (std::numeric_limits<double>::min)()) { // subnormal
        x *= 0x1p54;
        exponent = -54;
    }
    // x = 2^exponent (1 + f) with 1 + f between sqrt(1/2) and sqrt(2).
    auto bits = std::bit_cast<std::uint64_t>(x);
    exponent += static_cast<int>(bits >> 52U) - 1023;
    bits = (bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U;
    double mantissa = std::bit_cast<double>(bits);
    if (mantissa > 1.4142135623730951) {
        mantissa *= 0.5;
        ++exponent;
    }
    const double f = mantissa - 1.0;
    // log(1 + f) = 2 artanh(s) with s = f / (2 + f), rearranged so that f, which is exact, is the leading
    // term: f - (f^2/2 - s (f^2/2 + r)), r = 2/3 s^2 + 2/5 s^4 + ...
    const double s = f / (2.0 + f);
    const double z = s * s;
    double r = 2.0 / 23.0;
    r = r * z + 2.0 / 21.0;
    r = r * z + 2.0 / 19.0;
    r = r * z + 2.0 / 17.0;
    r = r * z + 2.0 / 15.0;
    r = r * z + 2.0 / 13.0;
    r = r * z + 2.0 / 11.0;
    r = r * z + 2.0 / 9.0;
    r = r * z + 2.0 / 7.0;
    r = r * z + 2.0 / 5.0;
    r = r * z + 2.0 / 3.0;
    r *= z;
    const double half_square = 0.5 * f * f;
    const auto k = static_cast<double>(exponent);
    return k * detail::ln2_high - ((half_square - (s * (half_square + r) + k * detail::ln2_low)) - f);
}

} // namespace portable
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
