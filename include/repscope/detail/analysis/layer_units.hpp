#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/layer_report.hpp"
#include "repscope/detail/analysis/layer_moments.hpp"
#include "repscope/moments/sample_reservoir.hpp"
#include "repscope/selectivity/auc.hpp"
#include "repscope/selectivity/class_purity.hpp"
#include "repscope/selectivity/d_prime.hpp"
#include "repscope/selectivity/gini.hpp"
#include "repscope/selectivity/label_entropy.hpp"
#include "repscope/selectivity/mono_score.hpp"
#include "repscope/selectivity/mutual_information.hpp"
#include "repscope/selectivity/precision_at_k.hpp"
#include "repscope/selectivity/sparseness.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

/// Adds the measures of units that need samples.
inline void add_sampled_units(const sample_reservoir& reservoir, measure_set measures, thread_pool& pool,
                              unit_report& result) {
    if (reservoir.size() == 0) return;
    const reservoir_samples kept = reservoir.sorted();
    const tensor_view<const double, 2> x(kept.values.data(), {kept.index.size(), reservoir.units()});
    result.reservoir = kept.index.size();
    if (measures.contains(measure::auc)) {
        const discrimination_result areas = auc_selectivity(x, kept.labels, {.threads = pool});
        for (std::size_t u = 0; u < reservoir.units(); ++u) {
            result.auc.push_back((1 + areas.largest[u]) / 2);
            result.auc_cross_fit.push_back((1 + areas.cross_fit[u]) / 2);
        }
    }
    if (measures.contains(measure::precision_at_k)) {
        precision_result precision = precision_at_k(x, kept.labels, {.threads = pool});
        result.precision_at_k = std::move(precision.precision);
        result.precision_null = precision.null_mean;
        result.k = precision.k;
    }
    if (measures.contains(measure::mutual_information)) {
        mutual_information_result information = mutual_information(x, kept.labels, {.threads = pool});
        result.mutual_information = std::move(information.plain);
        result.mutual_information_corrected = std::move(information.corrected);
    }
}

/// The measures of units that `measures` contains.
template <product_backend Backend>
[[nodiscard]] unit_report units_of(const layer_moments<Backend>& moments, measure_set measures,
                                   thread_pool& pool) {
    unit_report result;
    const std::size_t units = moments.covariance.units();
    if (measures.contains(measure::activation_frequency)) {
        for (std::size_t u = 0; u < units; ++u)
            result.activation_frequency.push_back(moments.active->frequency(u));
    }
    if (measures.contains(measure::class_purity)) result.class_purity = class_purity(*moments.active);
    if (measures.contains(measure::label_entropy)) result.label_entropy = label_entropy(*moments.sums);
    if (measures.contains(measure::gini)) result.gini = class_gini(*moments.sums);
    if (measures.contains(measure::class_sparseness))
        result.class_sparseness = class_sparseness(*moments.sums);
    if (measures.contains(measure::mono_score)) result.mono_score = mono_score(*moments.selective_classes);
    if (measures.contains(measure::d_prime)) result.d_prime = d_prime(*moments.selective_classes).largest;
    if (measures.contains(measure::sparseness))
        result.sparseness = lifetime_sparseness(*moments.selective_classes);
    if (moments.selective_reservoir) add_sampled_units(*moments.selective_reservoir, measures, pool, result);
    return result;
}

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
