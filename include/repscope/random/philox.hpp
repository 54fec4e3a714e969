#pragma once

#include "repscope/version.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Four 32-bit words that number a block of random bits: {element, draw, sample, stream}.
using philox_counter = std::array<std::uint32_t, 4>;

/// The two halves of a 64-bit seed, low half first.
using philox_key = std::array<std::uint32_t, 2>;

/// The key of a seed.
[[nodiscard]] constexpr philox_key key_of(std::uint64_t seed) noexcept {
    return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)};
}

/// Philox4x32-10: 128 random bits as a pure function of a counter and a key, so any draw can be computed at
/// any place, in any order, on any thread. Ten rounds, about 20 multiplications. Salmon, Moraes, Dror and
/// Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox4x32(philox_counter counter,
                                                                philox_key key) noexcept {
    constexpr std::uint64_t multiplier_0 = 0xD2511F53U;
    constexpr std::uint64_t multiplier_1 = 0xCD9E8D57U;
    constexpr std::uint32_t weyl_0 = 0x9E3779B9U;
    constexpr std::uint32_t weyl_1 = 0xBB67AE85U;
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t product_0 = multiplier_0 * counter[0];
        const std::uint64_t product_1 = multiplier_1 * counter[2];
        counter = {static_cast<std::uint32_t>(product_1 >> 32U) ^ counter[1] ^ key[0],
                   static_cast<std::uint32_t>(product_1),
                   static_cast<std::uint32_t>(product_0 >> 32U) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(product_0)};
        key[0] += weyl_0;
        key[1] += weyl_1;
    }
    return counter;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
