#pragma once

#include "repscope/detail/selectivity/subset_tail.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/value_histogram.hpp"
#include "repscope/selectivity/class_selectivity.hpp"
#include "repscope/selectivity/null_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `selectivity_p_values` from states.
struct selectivity_p_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// Classes with fewer samples are not tested; their samples count as those of other classes.
    std::uint64_t min_class_samples = 2;
};

/// The p-value of each unit for the hypothesis that its values do not depend on the classes: the probability
/// that shuffled labels give one of the classes a sum at least as large, relative to its size, as the
/// observed one.
///
/// For every class c with m samples, p(c) = P(sum of m random samples >= sum of the samples of c), with
/// samples drawn without replacement; p = min(1, K min over c of p(c)), where K is the number of tested
/// classes. For classes of one size this is the permutation test of the plain index: with the mean over all
/// samples fixed, the index grows with the largest class mean. The factor K accounts for the choice of that
/// class. For classes of different sizes, the four classes farthest above the mean in standard errors are
/// tested.
///
/// p(c) is the saddlepoint approximation for random samples of the unit's own values, taken from `histogram`
/// and fitted to the exact mean and variance. It is calibrated at the p-values that Benjamini and Hochberg's
/// procedure needs (.05 over thousands of units), also for skewed and sparse units
/// (docs/results/inference.md). A normal or Student tail is not. p-values of several units go to
/// `benjamini_hochberg`.
///
/// `sums`, `histogram`: of the same values. `variances`: of each unit over all samples, divisor n - 1. A
/// constant unit has p = 1. Throws as `selectivity_null_mean` does, and `value_error` if fewer than two
/// classes have `min_class_samples` samples. O(units x (classes + bins)). Sources: Skovgaard 1987; Robinson
/// 1982; Davison and Hinkley 1988.
[[nodiscard]] inline std::vector<double> selectivity_p_values(const class_sums& sums,
                                                              std::span<const double> variances,
                                                              const value_histogram& histogram,
                                                              const selectivity_p_options& options = {}) {
    constexpr const char* name = "selectivity_p_values";
    detail::check_unit_distributions(name, sums, variances, histogram);
    std::vector<std::size_t> tested;
    for (std::size_t c = 0; c < sums.classes(); ++c) {
        if (sums.count(c) > 0 && sums.count(c) >= options.min_class_samples) tested.push_back(c);
    }
    if (tested.size() < 2) {
        errors::throw_value_error(name, "expected at least 2 classes of " +
                                            errors::text_of(options.min_class_samples) +
                                            " samples or more, got " + errors::text_of(tested.size()));
    }
    const bool equal = std::all_of(tested.begin(), tested.end(), [&](std::size_t c) {
        return sums.count(c) == sums.count(tested.front());
    });
    constexpr double rough = 0.25; // larger p-values change no decision
    constexpr std::size_t max_evaluated = 4;
    const std::size_t evaluated = equal ? 1 : (std::min)(max_evaluated, tested.size());
    std::vector<double> p(sums.units(), 1.0);
    const scoped_pool pool(options.threads);
    constexpr std::size_t units_per_task = 16;
    pool->for_each(block_count(sums.units(), units_per_task), [&](std::size_t task) {
        std::vector<std::pair<double, std::size_t>> excess(tested.size());
        const std::size_t end = (std::min)((task + 1) * units_per_task, sums.units());
        for (std::size_t u = task * units_per_task; u < end; ++u) {
            const double mean = detail::mean_over_classes(sums, u);
            value_distribution values = histogram.distribution(u);
            // Values that differ by rounding alone are those of a constant unit.
            if (!(std::sqrt(variances[u]) > 1e-12 * std::abs(mean)) || variances[u] == 0) continue;
            detail::fit_moments(values, mean, variances[u]);
            if (values.value.size() < 2) continue;
            for (std::size_t k = 0; k < tested.size(); ++k) {
                const auto m = static_cast<double>(sums.count(tested[k]));
                excess[k] = {(sums.sum(tested[k], u) - m * mean) / std::sqrt(m), tested[k]};
            }
            std::partial_sort(excess.begin(), excess.begin() + static_cast<std::ptrdiff_t>(evaluated),
                              excess.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
            const detail::subset_sum subset(values);
            double smallest = 1;
            for (std::size_t k = 0; k < evaluated; ++k) {
                if (!(excess[k].first > 0)) break;
                const auto m = static_cast<double>(sums.count(excess[k].second));
                smallest =
                    (std::min)(smallest, subset.upper_tail(m, sums.sum(excess[k].second, u),
                                                           rough / static_cast<double>(tested.size())));
            }
            p[u] = (std::min)(1.0, static_cast<double>(tested.size()) * smallest);
        }
    });
    return p;
}

/// Options of `selectivity_p_values` from activations.
struct selectivity_p_activations_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// Whether max(a, 0) of every element is taken before the spatial mean (`negative_policy::rectify`).
    bool rectify = false;
    std::uint64_t min_class_samples = 2; ///< classes with fewer samples are excluded
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// The same from activations and labels, as for `class_selectivity`. Three passes, O(elements).
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] std::vector<double>
selectivity_p_values(const Activations& activations, const Labels& labels,
                     const selectivity_p_activations_options& options = {}) {
    constexpr const char* name = "selectivity_p_values";
    const auto x = as_activations(activations, options.axes, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least one sample and unit", x.extents());
    const scoped_pool pool(options.threads);
    class_sums sums(x.extent(1), detail::classes_of(labels), {.rectify = options.rectify});
    sums.update(x, labels, {.threads = *pool});
    class_moments moments(x.extent(1), 1, {.rectify = options.rectify});
    moments.update(x, std::vector<std::int32_t>(x.extent(0)), {.threads = *pool});
    value_histogram histogram(x.extent(1), {.rectify = options.rectify});
    histogram.update(x, {.threads = *pool});
    std::vector<double> variances(x.extent(1));
    for (std::size_t u = 0; u < variances.size(); ++u) variances[u] = moments.unit_variance(u);
    return selectivity_p_values(sums, variances, histogram,
                                {.threads = *pool, .min_class_samples = options.min_class_samples});
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
