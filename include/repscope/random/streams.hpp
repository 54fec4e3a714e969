#pragma once

#include "repscope/error.hpp"

#include <cstdint>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Identities of random streams. Two draws are independent if their streams differ, so every use of
/// randomness in the library gets its stream here.
namespace streams {

/// The purpose of a stream. Results depend on the numbers: append new purposes and never renumber.
enum class purpose : std::uint8_t {
    init = 0,         ///< initial parameters
    shuffle = 1,      ///< the order of the samples of an epoch
    augment = 2,      ///< augmentation during training
    corruption = 3,   ///< a: index in the catalog, b: severity
    attack_start = 4, ///< a: restart, b: step
    attack_l1_k = 5,  ///< a: restart, b: step
    probe = 6,        ///< random directions in input space
    sketch = 7,       ///< random projections of units
    permutation = 8,  ///< shuffled labels and their approximations
    fold = 9,         ///< the fold of a sample
    environment =
        10, ///< synthetic data: label noise and attributes that correlate with the label; a: environment
    control = 11,        ///< random perturbations for comparison with attacks; a: place of the size
    gradient_check = 12, ///< directions for the comparison of gradients with differences; a: direction
    reservoir = 13,      ///< the samples that a reservoir keeps
    attack_run = 14,     ///< starts of APGD and FAB, proposals of Square; a: run, b: attack and its place
};

/// Indices of a stream are below this number.
inline constexpr std::uint32_t index_limit = 4096;

/// The stream of a purpose and two indices: purpose (8 bits), a (12 bits), b (12 bits), from the top.
///
/// Throws `value_error` if an index does not fit in 12 bits, since two uses would share one stream.
[[nodiscard]] constexpr std::uint32_t id(purpose use, std::uint32_t a = 0, std::uint32_t b = 0) {
    if (a >= index_limit || b >= index_limit) {
        errors::throw_value_error("streams::id", "expected indices below 4096, got " + errors::text_of(a) +
                                                     " and " + errors::text_of(b));
    }
    return (static_cast<std::uint32_t>(use) << 24U) | (a << 12U) | b;
}

} // namespace streams
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
