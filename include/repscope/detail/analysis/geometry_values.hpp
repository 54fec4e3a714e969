#pragma once

#include "repscope/analysis/layer_report.hpp"
#include "repscope/analysis/measure_set.hpp"

#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

struct named_value {
    std::string_view name;
    double value;
};

/// The measures of class geometry that `measures` contains, in the same order for any report; NaN for a
/// result that `report` lacks.
[[nodiscard]] inline std::vector<named_value> geometry_values(const geometry_report& report,
                                                              measure_set measures) {
    std::vector<named_value> values;
    const auto add = [&](measure one, std::string_view name, const auto& result, auto member) {
        constexpr double nan = std::numeric_limits<double>::quiet_NaN();
        if (measures.contains(one)) values.push_back({name, result ? (*result).*member : nan});
    };
    add(measure::nc1, "nc1", report.scatter, &class_scatter_result::nc1);
    add(measure::nc1_trace, "nc1_trace", report.neural_collapse, &neural_collapse_result::nc1_trace);
    add(measure::nc2, "nc2_equinorm", report.neural_collapse, &neural_collapse_result::nc2_equinorm);
    add(measure::nc2, "nc2_equiangular", report.neural_collapse, &neural_collapse_result::nc2_equiangular);
    add(measure::nc2, "nc2_simplex", report.neural_collapse, &neural_collapse_result::nc2_simplex);
    add(measure::cdnv, "cdnv", report.distance_variance, &class_distance_variance_result::cdnv);
    add(measure::cdnv, "cdnv_unbiased", report.distance_variance,
        &class_distance_variance_result::cdnv_unbiased);
    if (measures.contains(measure::lidar)) {
        values.push_back({"lidar", report.lidar.value_or(std::numeric_limits<double>::quiet_NaN())});
    }
    add(measure::class_separation, "class_separation", report.separation,
        &class_separation_result::separation);
    add(measure::class_separation, "class_separation_corrected", report.separation,
        &class_separation_result::separation_corrected);
    add(measure::within_participation_ratio, "within_participation_ratio", report.scatter,
        &class_scatter_result::within_participation_ratio);
    add(measure::between_participation_ratio, "between_participation_ratio", report.scatter,
        &class_scatter_result::between_participation_ratio);
    add(measure::between_participation_ratio, "between_participation_ratio_corrected", report.scatter,
        &class_scatter_result::between_participation_ratio_corrected);
    return values;
}

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
