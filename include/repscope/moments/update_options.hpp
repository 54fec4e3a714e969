#pragma once

#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/layout.hpp"

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// How the units' values are computed from activations; part of a state, and states that differ in it do not
/// merge.
struct class_options {
    /// Whether max(a, 0) of every element is taken before the spatial mean, as behind a ReLU.
    bool rectify = false;
    friend bool operator==(const class_options&, const class_options&) = default;
};

/// Options of every `update`.
struct update_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
