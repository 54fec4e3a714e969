#pragma once

#include "repscope/analysis/measure_interval.hpp"
#include "repscope/geometry/linear_cka.hpp"

#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// Similarity of a layer for the same inputs under two conditions; the measures that were asked for.
struct similarity_report {
    std::optional<linear_cka_result> cka; ///< linear CKA
    std::optional<double> procrustes;     ///< Procrustes distance
    std::optional<double> class_mean_rsa; ///< with labels
    /// Of each class under both conditions, with labels.
    std::vector<double> uniformity, perturbed_uniformity;
    /// Mean over classes of the change of the uniformity; NaN if no class has one.
    double uniformity_change = std::numeric_limits<double>::quiet_NaN();
    std::vector<measure_interval> intervals; ///< with inference
    /// Measures without an interval, since the moments of the blocks need `block_bytes`, more than
    /// `max_bytes` leaves.
    std::vector<std::string_view> left_out;
    double block_bytes = 0; ///< bytes that the moments of the blocks need
};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
