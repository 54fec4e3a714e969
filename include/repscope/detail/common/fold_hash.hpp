#pragma once

#include "repscope/random/philox.hpp"
#include "repscope/random/streams.hpp"

#include <cstddef>
#include <cstdint>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The block, 0 .. `blocks` - 1, of the sample with index `index` in a data set. It is a hash of this index
/// alone, so it does not depend on the order of samples, threads and shards. Blocks are of equal size on
/// average. If `blocks` is a multiple of the folds, the fold of a sample is its block modulo the folds.
///
/// `blocks` must be in 1 .. 2^32 - 1. The same everywhere.
[[nodiscard]] constexpr std::size_t sample_block(std::uint64_t index, std::size_t blocks) noexcept {
    const auto words = philox4x32({static_cast<std::uint32_t>(index >> 32U), 0,
                                   static_cast<std::uint32_t>(index), streams::id(streams::purpose::fold)},
                                  key_of(0));
    return static_cast<std::size_t>((static_cast<std::uint64_t>(words[0]) * blocks) >> 32U);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
