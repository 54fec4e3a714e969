#pragma once

#include "repscope/version.hpp"

#include <algorithm>
#include <cstddef>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The division of data into blocks of samples for statistics. It depends on the size of a sample alone, so
/// the order of additions does not depend on the threads.
///
/// `elements`: units x positions of one sample. About 2^16 elements per block, a multiple of 4 samples and at
/// most 1024: small enough for the second-level cache in double, and large enough to make the start of a
/// block cheap.
[[nodiscard]] constexpr std::size_t samples_per_block(std::size_t elements) noexcept {
    constexpr std::size_t target = std::size_t{1} << 16U;
    const std::size_t samples = target / (std::max<std::size_t>)(elements, 1);
    return std::clamp<std::size_t>(samples / 4 * 4, 4, 1024);
}

/// Number of blocks that cover `samples`.
[[nodiscard]] constexpr std::size_t block_count(std::size_t samples,
                                                std::size_t samples_per_task_block) noexcept {
    return (samples + samples_per_task_block - 1) / samples_per_task_block;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
