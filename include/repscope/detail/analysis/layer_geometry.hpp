#pragma once

#include "repscope/analysis/layer_report.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/detail/analysis/layer_moments.hpp"
#include "repscope/geometry/class_distance_variance.hpp"
#include "repscope/geometry/class_scatter.hpp"
#include "repscope/geometry/class_separation.hpp"
#include "repscope/geometry/lidar.hpp"
#include "repscope/geometry/neural_collapse.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

/// The measures of class geometry that need class moments alone.
template <product_backend Backend>
[[nodiscard]] geometry_report geometry_of(const layer_moments<Backend>& moments, measure_set measures) {
    geometry_report result;
    if (measures.contains_any({measure::nc1_trace, measure::nc2}))
        result.neural_collapse = neural_collapse(moments.value_classes());
    if (measures.contains(measure::cdnv))
        result.distance_variance = class_distance_variance(moments.value_classes());
    if (moments.directions) result.separation = class_separation(*moments.directions);
    // A sketched layer has no scatter matrix.
    if (measures.contains_any(class_scatter_measures.without({measure::lidar}))) result.scatter.emplace();
    if (measures.contains(measure::lidar)) result.lidar = std::numeric_limits<double>::quiet_NaN();
    return result;
}

/// Adds those that need the scatter within classes. `products` are a covariance, or the scatter matrix of
/// more samples than units.
template <typename Products, product_backend Backend>
void add_class_scatter(const Products& products, const layer_moments<Backend>& moments, measure_set measures,
                       thread_pool& pool, geometry_report& result) {
    const class_moments& classes = moments.value_classes();
    if (measures.contains_any(class_scatter_measures.without({measure::lidar})))
        result.scatter = class_scatter<Backend>(products, classes, {.threads = pool});
    if (measures.contains(measure::lidar))
        result.lidar = lidar<Backend>(products, classes, {.threads = pool});
}

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
