#pragma once

#include "repscope/analysis/measure_set.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/selectivity/class_selectivity.hpp"
#include "repscope/tensor/layout.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// Method for tr S^2, on which a participation ratio rests, and for its interval.
enum class trace_method {
    exact,    ///< the interval leaves out every sample, in a second pass for more samples than units
    blocks,   ///< exact; the interval leaves out blocks of samples, which needs one pass
    sketch,   ///< from 256 random probes; participation ratio only
    automatic ///< exact while samples or units are at most 8192, else a sketch
};

/// Source of the p-values that decide how many units are selective.
enum class null_method {
    saddlepoint, ///< `selectivity_p_values`
    permutation  ///< `selectivity_permutation_test`, which takes further passes over the samples
};

/// Options of `layer_accumulator`.
struct layer_accumulator_options {
    /// Threads to use; the result is bit-identical for any value. A pool must outlive the accumulator.
    thread_source threads = 1;
    /// Number of classes: labels are 0 .. classes - 1. 0: no labels, dimensionality only.
    std::size_t classes = 0;
    /// Measures to compute; those that need labels are left out without classes. Only the moments that they
    /// need are accumulated; without a measure of the spectrum no eigenvalues are computed.
    measure_set measures = default_measures;
    /// Whether second moments are accumulated although no measure needs them, for `covariance()`.
    bool needs_covariance = false;
    negative_policy negatives = negative_policy::undefined; ///< units with negative class means
    double epsilon = 1e-6;                                  ///< added to the denominator of the index
    /// Samples that measures of the samples themselves use: a random subset, `sample_reservoir`.
    std::size_t reservoir = 2048;
    /// Estimates with intervals and p-values.
    bool inference = false;
    /// Index of the first sample in the whole data set. It decides the fold of a sample with inference, and
    /// whether a reservoir keeps it.
    std::uint64_t first_sample = 0;
    trace_method trace = trace_method::exact;                ///< with inference
    null_method null = null_method::saddlepoint;             ///< with inference and labels
    std::size_t permutations = 999;                          ///< of every unit; units at the floor get more
    product_precision products = product_precision::float64; ///< of the covariance
    /// Number of samples, if it is known: decides `trace_method::automatic` and lets the constructor check
    /// `max_bytes`. 0: unknown; `automatic` then depends on the units alone.
    std::uint64_t samples = 0;
    /// Maximum bytes of the states; never changes a bit of the result.
    std::size_t max_bytes = std::size_t{4} << 30U;
    /// Maximum bytes of the states together with the states of blocks. Intervals of class geometry and of
    /// `trace_method::blocks` need the states of blocks, and are left out if these do not fit; no other
    /// number changes. 0: `max_bytes`.
    std::size_t max_bytes_with_blocks = 0;
    /// Samples that are buffered; 0: chosen from the number of units. Never changes a bit of the result.
    std::size_t batch = 0;
};

/// Options of `layer_accumulator::update`.
struct layer_update_options {
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
    /// Unless empty, sample i has the index first_sample + places[i] in the data set, for data that omit
    /// samples. Used with inference and a reservoir only.
    std::span<const std::size_t> places = {};
};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
