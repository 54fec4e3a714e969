#pragma once

#include "repscope/error.hpp"
#include "repscope/numeric/tiles.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace repscope {
inline namespace v0 {
namespace detail {

/// By the exponent bits, which a compiler told to assume finite numbers does not fold away.
[[nodiscard]] constexpr bool is_finite(double x) noexcept {
    constexpr std::uint64_t exponent = 0x7ff0'0000'0000'0000u;
    return (std::bit_cast<std::uint64_t>(x) & exponent) != exponent;
}

[[nodiscard]] constexpr bool is_nan(double x) noexcept {
    return !is_finite(x) && (std::bit_cast<std::uint64_t>(x) & 0x000f'ffff'ffff'ffffu) != 0;
}

[[nodiscard]] constexpr bool all_finite(const double* values, std::size_t count) noexcept {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < count; ++i) found |= is_finite(values[i]) ? 0U : 1U;
    return found == 0;
}

/// Throws `value_error` naming the first element of `block` that is NaN or infinite; returns when there is
/// none. `first_sample` is the place of the block's first sample in all that the state has seen.
template <typename Scalar>
void name_not_finite(std::string_view function, const tile<Scalar>& block, std::uint64_t first_sample) {
    for (std::size_t i = 0; i < block.samples; ++i) {
        for (std::size_t u = 0; u < block.units; ++u) {
            for (std::size_t p = 0; p < block.positions; ++p) {
                const auto x = static_cast<double>(block.data[(i * block.units + u) * block.positions + p]);
                if (is_finite(x)) continue;
                throw_value_error(function,
                                  std::string("wanted finite activations, got ") +
                                      (is_nan(x) ? "NaN" : "infinity") + " in sample " +
                                      std::to_string(first_sample + i) + ", unit " + std::to_string(u) +
                                      (block.positions == 1 ? "" : ", position " + std::to_string(p)));
            }
        }
    }
}

} // namespace detail
} // namespace v0
} // namespace repscope
