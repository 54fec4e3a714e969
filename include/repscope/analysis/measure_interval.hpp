#pragma once

#include "repscope/statistics/mean_interval.hpp"

#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// A measure of a layer with its standard error and its 95 % interval, by `block_jackknife`.
struct measure_interval {
    std::string_view name;   ///< as in the JSON of the program, for example cdnv_unbiased
    estimate_interval value; ///< estimate, standard error and interval
};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
