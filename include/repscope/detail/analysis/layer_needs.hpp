#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/selectivity/class_selectivity.hpp"

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

// The states that the measures of a layer need. Measures of units, like selectivity, take rectified values if
// negative activations are rectified; geometry and dimensionality take the values themselves.

/// The measures that can be computed: without classes, those that need none.
[[nodiscard]] inline measure_set possible_measures(const layer_accumulator_options& options) noexcept {
    return options.classes == 0 ? options.measures.without(labeled_measures) : options.measures;
}

[[nodiscard]] inline bool needs_selectivity(const layer_accumulator_options& options) noexcept {
    return possible_measures(options).contains(measure::selectivity);
}

/// Whether the participation ratio gets an interval.
[[nodiscard]] inline bool needs_ratio_estimate(const layer_accumulator_options& options) noexcept {
    return options.inference && options.measures.contains(measure::participation_ratio);
}

[[nodiscard]] inline bool is_permuted(const layer_accumulator_options& options) noexcept {
    return options.inference && needs_selectivity(options) && options.null == null_method::permutation;
}

[[nodiscard]] inline bool needs_class_scatter(const layer_accumulator_options& options) noexcept {
    return possible_measures(options).contains_any(class_scatter_measures);
}

/// Second moments of the units.
[[nodiscard]] inline bool needs_scatter(const layer_accumulator_options& options) noexcept {
    return options.measures.contains_any(dimensionality_measures |
                                         measure_set{measure::cka, measure::procrustes}) ||
           needs_class_scatter(options) || options.needs_covariance;
}

[[nodiscard]] inline bool is_rectified(const layer_accumulator_options& options) noexcept {
    return options.classes != 0 && options.negatives == negative_policy::rectify &&
           options.measures.contains_any(
               unit_measures |
               measure_set{measure::selectivity, measure::class_mean_rsa, measure::activation_uniformity});
}

/// Class sums of the values of units.
[[nodiscard]] inline bool needs_sums(const layer_accumulator_options& options) noexcept {
    return possible_measures(options).contains_any({measure::selectivity, measure::label_entropy,
                                                    measure::gini, measure::class_sparseness,
                                                    measure::class_mean_rsa});
}

/// Class moments of the values of units; one class without labels.
[[nodiscard]] inline bool needs_selective_classes(const layer_accumulator_options& options) noexcept {
    const measure_set possible = possible_measures(options);
    return possible.contains_any({measure::mono_score, measure::d_prime, measure::sparseness}) ||
           (possible.contains_any(geometry_class_measures) && !is_rectified(options));
}

/// Class moments of the values themselves, if they are other values.
[[nodiscard]] inline bool needs_value_classes(const layer_accumulator_options& options) noexcept {
    return possible_measures(options).contains_any(geometry_class_measures) && is_rectified(options);
}

/// Class moments of the directions of samples.
[[nodiscard]] inline bool needs_directions(const layer_accumulator_options& options) noexcept {
    return possible_measures(options).contains(measure::class_separation);
}

/// Counts of active samples; of one class without labels.
[[nodiscard]] inline bool needs_counts(const layer_accumulator_options& options) noexcept {
    return possible_measures(options).contains_any(
        {measure::activation_frequency, measure::class_purity, measure::activation_uniformity});
}

/// Samples of the values of units.
[[nodiscard]] inline bool needs_selective_reservoir(const layer_accumulator_options& options) noexcept {
    return possible_measures(options).contains_any(sampled_unit_measures) ||
           (options.measures.contains_any(neighbor_measures) && !is_rectified(options));
}

/// Samples of the values themselves, if they are other values.
[[nodiscard]] inline bool needs_value_reservoir(const layer_accumulator_options& options) noexcept {
    return options.measures.contains_any(neighbor_measures) && is_rectified(options);
}

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
