#pragma once

#include "repscope/version.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// The nearest number to clean + delta that is not farther from `clean`: rounding must not move a
/// perturbation out of its ball.
template <typename Scalar>
[[nodiscard]] inline Scalar round_towards(Scalar clean, double delta) noexcept {
    const auto from = static_cast<double>(clean);
    const auto to = static_cast<Scalar>(from + delta);
    const bool outside = std::abs(static_cast<double>(to) - from) > std::abs(delta) && to != Scalar(0);
    // The next number towards `clean`, without a branch: numbers of one sign are ordered as their bits.
    using bits = std::conditional_t<sizeof(Scalar) == 4, std::int32_t, std::int64_t>;
    const bits down = (to > clean) == (to > Scalar(0)) ? bits(1) : bits(0), up = bits(1) - down;
    return std::bit_cast<Scalar>(
        static_cast<bits>(std::bit_cast<bits>(to) + (outside ? up - down : bits(0))));
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
