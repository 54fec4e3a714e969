#pragma once

#include "repscope/analysis/layer_report.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/dimensionality/power_law.hpp"
#include "repscope/dimensionality/spectrum.hpp"
#include "repscope/error.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <limits>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

/// Adds the measures of the covariance that `measures` contains; without one of the spectrum, no eigenvalue
/// is computed.
template <typename = void> // so that only files that call it instantiate the solver
void add_dimensionality(const scatter_matrix& products, measure_set measures, thread_pool& pool,
                        layer_report& report) {
    dimensionality_result& result = report.dimensionality;
    if (measures.contains_any(spectrum_measures)) {
        result = repscope::dimensionality(products, {.threads = pool});
        if (measures.contains(measure::power_law))
            report.power_law = power_law_exponent(result.spectrum, products.samples);
        return;
    }
    if (products.samples < 2) {
        errors::throw_value_error("analysis::layer_accumulator",
                                  "expected at least 2 samples, got " + errors::text_of(products.samples));
    }
    if (!measures.contains(measure::participation_ratio)) return;
    result.participation_ratio = participation_ratio(products);
    result.participation_ratio_unbiased = participation_ratio_unbiased(products);
}

/// A result without a measure.
[[nodiscard]] inline dimensionality_result no_dimensionality() {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    dimensionality_result result;
    result.participation_ratio = result.participation_ratio_unbiased = nan;
    result.components_interpolated.fill(nan);
    result.components_fraction.fill(nan);
    result.effective_rank_eigenvalues = result.effective_rank_singular_values = nan;
    result.stable_rank = nan;
    return result;
}

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
