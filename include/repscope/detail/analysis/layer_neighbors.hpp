#pragma once

#include "repscope/analysis/layer_report.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/dimensionality/correlation_dimension.hpp"
#include "repscope/dimensionality/levina_bickel.hpp"
#include "repscope/dimensionality/local_pca.hpp"
#include "repscope/dimensionality/two_nn.hpp"
#include "repscope/moments/sample_reservoir.hpp"
#include "repscope/parallel/thread_pool.hpp"

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

/// The measures of intrinsic dimension that `measures` contains.
template <typename = void> // so that only files that call it instantiate the measures
[[nodiscard]] neighbor_report neighbors_of(const sample_reservoir& reservoir, measure_set measures,
                                           thread_pool& pool) {
    const reservoir_samples kept = reservoir.sorted();
    const tensor_view<const double, 2> x(kept.values.data(), {kept.index.size(), reservoir.units()});
    neighbor_report result;
    result.samples = kept.index.size();
    if (measures.contains(measure::two_nn)) result.two_nn = two_nn(x, {.threads = pool});
    if (measures.contains(measure::levina_bickel)) result.levina_bickel = levina_bickel(x, {.threads = pool});
    if (measures.contains(measure::correlation_dimension))
        result.correlation_dimension = correlation_dimension(x, {.threads = pool});
    if (measures.contains(measure::local_pca)) result.local_pca = local_pca(x, {.threads = pool});
    return result;
}

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
