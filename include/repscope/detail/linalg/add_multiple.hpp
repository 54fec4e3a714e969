#pragma once

#include "repscope/detail/target/simd.hpp"

#include <cstddef>
#include <cstring>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// to[k] += factor * from[k] for k below `count`, with the rounding of two operations.
inline void add_multiple(std::size_t count, double factor, const double* from, double* to) noexcept {
    using vector = simd_vector<double, vector_bytes / sizeof(double)>;
    constexpr std::size_t lanes = vector_bytes / sizeof(double);
    const auto factors = broadcast<vector>(factor);
    std::size_t k = 0;
    for (; k + lanes <= count; k += lanes) {
        const vector value =
            multiply_add<false>(factors, load_vector<vector>(from + k), load_vector<vector>(to + k));
        std::memcpy(to + k, &value, sizeof value);
    }
    for (; k < count; ++k) to[k] += factor * from[k];
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
