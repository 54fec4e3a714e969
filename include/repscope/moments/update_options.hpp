#pragma once

#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/layout.hpp"

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// How the units' values are taken from activations; part of a state, since states that differ in it do not
/// merge.
struct class_options {
    /// Take max(a, 0) of every element before the spatial mean: the value behind a ReLU.
    bool rectify = false;
    friend bool operator==(const class_options&, const class_options&) = default;
};

/// Options of every `update`.
struct update_options {
    /// Who computes; never changes a bit of the result.
    thread_source threads = 1;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
