#pragma once

#include "repscope/detail/target/simd.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

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

/// Whether `holds` of any element: a function of an element, and of a vector of them, with vectors of masks.
template <typename T, typename OfVector, typename OfElement>
[[nodiscard]] inline bool any_of_values(const T* values, std::size_t count, OfVector&& of_vector,
                                        OfElement&& of_element) noexcept {
    constexpr std::size_t width = vector_bytes / sizeof(T), step = 4 * width;
    using vector = simd_vector<T, width>;
    decltype(of_vector(vector{})) any{};
    std::size_t i = 0;
    for (; i + step <= count; i += step) {
        for (std::size_t k = 0; k < step; k += width) any |= of_vector(load_vector<vector>(values + i + k));
    }
    bool is_any = any_set(any);
    for (; i < count; ++i) is_any = is_any || of_element(values[i]);
    return is_any;
}

template <std::floating_point T>
[[nodiscard]] constexpr bool all_finite(const T* values, std::size_t count) noexcept {
    if (std::is_constant_evaluated()) {
        std::uint32_t others = 0;
        for (std::size_t i = 0; i < count; ++i) others |= is_finite(values[i]) ? 0U : 1U;
        return others == 0;
    }
    using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    using vector = simd_vector<bits, vector_bytes / sizeof(T)>;
    constexpr bits exponent = sizeof(T) == 4 ? bits{0x7f80'0000u} : static_cast<bits>(0x7ff0'0000'0000'0000u);
    return !any_of_values(
        values, count,
        [](const auto& x) { return vector((reinterpret_cast<const vector&>(x) & exponent) == exponent); },
        [](T x) { return !is_finite(x); });
}

/// Whether any value is below 0, which -0 is not.
template <std::floating_point T>
[[nodiscard]] inline bool any_below_zero(const T* values, std::size_t count) noexcept {
    using vector = simd_vector<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>,
                               vector_bytes / sizeof(T)>;
    return any_of_values(
        values, count, [](const auto& x) { return vector(x < std::remove_cvref_t<decltype(x)>{}); },
        [](T x) { return x < 0; });
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
