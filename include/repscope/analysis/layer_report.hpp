#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/dimensionality/estimate.hpp"
#include "repscope/dimensionality/power_law.hpp"
#include "repscope/dimensionality/result.hpp"
#include "repscope/selectivity/class_selectivity.hpp"
#include "repscope/selectivity/cross_fit.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// The selectivity of a layer with its options.
struct selectivity_report {
    double epsilon = 1e-6;
    negative_policy negatives = negative_policy::undefined;
    std::vector<std::uint64_t> class_counts; ///< samples of each class
    double null_mean = 0;                    ///< of `selectivity_null_mean`
    selectivity_result measured;
    /// P-values of the units, NaN for those without an index; empty unless the report has estimates with
    /// p-values by saddlepoints.
    std::vector<double> p_values;
};

/// The estimates of a layer with their intervals.
struct inference_report {
    std::optional<cross_fit_result> cross_fit; ///< with labels
    null_method null = null_method::saddlepoint;
    std::vector<double> p_value; ///< of each unit; NaN for a unit without an index
    /// 95 % quantile of each unit's index under permuted labels; empty without permutations.
    std::vector<double> null_95;
    std::size_t permutations = 0;      ///< of every unit
    std::size_t max_permutations = 0;  ///< of the units that needed most
    std::size_t passes = 0;            ///< over the samples, for the permutations
    std::size_t significant_units = 0; ///< by Benjamini and Hochberg, q = .05
    std::size_t tested_units = 0;      ///< units with a p-value
    std::size_t blocks = 0;            ///< of `blocked_class_sums`
    std::size_t state_bytes = 0;       ///< of `blocked_class_sums`
    /// With a sketch `jackknife` is NaN, and the interval is that of the random probes alone.
    participation_ratio_estimate participation_ratio;
    trace_method method = trace_method::exact; ///< exact or sketch
    std::size_t probes = 0;                    ///< of a sketch
};

/// The measures of one layer.
struct layer_report {
    std::size_t samples = 0;
    std::size_t units = 0;
    measure_set measures = default_measures;       ///< that were asked for
    std::optional<selectivity_report> selectivity; ///< with labels
    /// Those that were asked for, and of a sketched layer the participation ratios only; the other ratios are
    /// NaN, or 0.
    dimensionality_result dimensionality;
    std::optional<power_law_result> power_law;
    std::optional<inference_report> inference;
};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
