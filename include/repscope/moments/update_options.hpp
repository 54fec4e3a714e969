#pragma once

#include "repscope/numeric/thread_pool.hpp"
#include "repscope/tensor/layout.hpp"

namespace repscope {
inline namespace v0 {

/// Options of every `update`.
struct update_options {
    /// Who computes; never changes a bit of the result.
    execution threads = 1;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

} // namespace v0
} // namespace repscope
