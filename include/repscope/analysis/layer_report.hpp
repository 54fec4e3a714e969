#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/measure_interval.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/dimensionality/correlation_dimension.hpp"
#include "repscope/dimensionality/estimate.hpp"
#include "repscope/dimensionality/levina_bickel.hpp"
#include "repscope/dimensionality/local_pca.hpp"
#include "repscope/dimensionality/power_law.hpp"
#include "repscope/dimensionality/result.hpp"
#include "repscope/dimensionality/two_nn.hpp"
#include "repscope/geometry/class_distance_variance.hpp"
#include "repscope/geometry/class_scatter.hpp"
#include "repscope/geometry/class_separation.hpp"
#include "repscope/geometry/neural_collapse.hpp"
#include "repscope/selectivity/class_selectivity.hpp"
#include "repscope/selectivity/cross_fit.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// The selectivity of a layer with its options.
struct selectivity_report {
    double epsilon = 1e-6;                                  ///< of the index
    negative_policy negatives = negative_policy::undefined; ///< treatment of negative class means
    std::vector<std::uint64_t> class_counts;                ///< samples of each class
    double null_mean = 0;                                   ///< of `selectivity_null_mean`
    selectivity_result measured;                            ///< indices of the units and their means
    /// P-values of the units, NaN for those without an index; empty unless the report has estimates with
    /// p-values by saddlepoints.
    std::vector<double> p_values;
};

/// The estimates of a layer with their intervals.
struct inference_report {
    std::optional<cross_fit_result> cross_fit;   ///< with labels
    null_method null = null_method::saddlepoint; ///< method of the null distribution
    std::vector<double> p_value;                 ///< of each unit; NaN for a unit without an index
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
    trace_method method = trace_method::exact; ///< exact, blocks or sketch
    std::size_t probes = 0;                    ///< of a sketch
    std::vector<measure_interval> intervals;   ///< of class geometry, from blocks of samples
    /// Measures without an interval, since the moments of the blocks need `block_bytes`, more than
    /// `max_bytes` leaves.
    std::vector<std::string_view> left_out;
    double block_bytes = 0; ///< bytes that the moments of the blocks need
};

/// Measures of every unit: one value per unit, or none for a measure that was not asked for. Their
/// definitions are those of the functions of the same name.
struct unit_report {
    std::vector<double> activation_frequency, class_purity, label_entropy,
        mono_score;              ///< by the sums of active samples per class
    std::vector<double> d_prime; ///< of the preferred class
    /// Area under the ROC curve of the class and side that separate best, 0.5 to 1: (1 + `auc_selectivity`) /
    /// 2. Cross-fit: class and side from other samples, 0 to 1.
    std::vector<double> auc, auc_cross_fit;
    std::vector<double> precision_at_k; ///< share of the preferred class among the k strongest samples
    double precision_null = 0;          ///< `precision_result::null_mean`
    std::size_t k = 0;                  ///< of the precision
    std::vector<double> mutual_information, mutual_information_corrected; ///< in nats
    std::vector<double> gini, sparseness, class_sparseness; ///< of the samples, and of the class means
    std::size_t reservoir = 0; ///< samples of the measures that need samples; 0 without one
};

/// Intrinsic dimension by the neighbors of the samples of a reservoir.
struct neighbor_report {
    std::optional<two_nn_result> two_nn;               ///< by the two nearest neighbors
    std::optional<levina_bickel_result> levina_bickel; ///< by the likelihood of neighbor distances
    std::optional<correlation_dimension_result>
        correlation_dimension;                 ///< by the growth of the number of near pairs
    std::optional<local_pca_result> local_pca; ///< by principal components of neighborhoods
    std::size_t samples = 0;                   ///< of the reservoir
};

/// Geometry of the classes, about the mean of all samples.
struct geometry_report {
    std::optional<neural_collapse_result> neural_collapse; ///< collapse of the classes
    std::optional<class_distance_variance_result>
        distance_variance; ///< variance of classes relative to the distance of their means
    std::optional<class_scatter_result> scatter;       ///< scatter within and between classes
    std::optional<double> lidar;                       ///< effective rank of the discriminant matrix
    std::optional<class_separation_result> separation; ///< distances of the class means
};

/// The measures of one layer.
struct layer_report {
    std::size_t samples = 0;                       ///< number of samples
    std::size_t units = 0;                         ///< number of units
    measure_set measures = default_measures;       ///< that were asked for
    std::optional<selectivity_report> selectivity; ///< with labels
    /// Those that were asked for, and of a sketched layer the participation ratios only; the other ratios are
    /// NaN, or 0.
    dimensionality_result dimensionality;
    std::optional<power_law_result> power_law; ///< exponent of the spectrum
    std::optional<double> rankme;              ///< NaN for a sketched layer
    std::optional<unit_report> unit_values;    ///< measures of every unit
    std::optional<neighbor_report> neighbors;  ///< intrinsic dimension
    std::optional<geometry_report> geometry;   ///< with labels
    std::optional<inference_report> inference; ///< intervals and p-values, if they were asked for
};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
