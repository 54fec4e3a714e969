#pragma once

#include "repscope/version.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Checks the exponent bits, because a compiler that assumes finite numbers would remove other checks.
[[nodiscard]] constexpr bool is_finite(double x) noexcept {
    constexpr std::uint64_t exponent = 0x7ff0'0000'0000'0000u;
    return (std::bit_cast<std::uint64_t>(x) & exponent) != exponent;
}
[[nodiscard]] constexpr bool is_finite(float x) noexcept {
    constexpr std::uint32_t exponent = 0x7f80'0000u;
    return (std::bit_cast<std::uint32_t>(x) & exponent) != exponent;
}

[[nodiscard]] constexpr bool is_nan(double x) noexcept {
    return !is_finite(x) && (std::bit_cast<std::uint64_t>(x) & 0x000f'ffff'ffff'ffffu) != 0;
}

template <std::floating_point T>
[[nodiscard]] constexpr bool all_finite(const T* values, std::size_t count) noexcept {
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < count; ++i) found |= is_finite(values[i]) ? 0U : 1U;
    return found == 0;
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
