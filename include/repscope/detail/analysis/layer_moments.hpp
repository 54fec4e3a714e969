#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/layer_report.hpp"
#include "repscope/detail/analysis/layer_memory.hpp"
#include "repscope/detail/analysis/layer_needs.hpp"
#include "repscope/dimensionality/spectrum.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/activation_counts.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/moments/covariance_sketch.hpp"
#include "repscope/moments/normalized_class_moments.hpp"
#include "repscope/moments/sample_reservoir.hpp"
#include "repscope/moments/value_histogram.hpp"
#include "repscope/selectivity/null_model.hpp"
#include "repscope/selectivity/p_values.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

/// The moments of one layer, from which its report is computed; products by `Backend`.
template <product_backend Backend>
struct layer_moments {
    repscope::covariance covariance; ///< without samples for a sketched layer and one that needs none
    bool has_covariance = true;
    std::optional<class_sums> sums{};                   ///< of the values of units
    std::optional<value_histogram> histogram{};         ///< for selectivity; of the same values as the sums
    std::optional<class_moments> rectified_variances{}; ///< of rectified values; one class
    std::optional<covariance_sketch> sketch{};
    std::optional<class_moments> variances{}; ///< without a covariance; one class
    std::optional<activation_counts> active{};
    std::optional<class_moments> selective_classes{};
    std::optional<class_moments> plain_classes{}; ///< if `selective_classes` are of rectified values
    std::optional<normalized_class_moments> directions{};
    std::optional<sample_reservoir> selective_reservoir{};
    std::optional<sample_reservoir> plain_reservoir{}; ///< if `selective_reservoir` is of rectified values
    std::uint64_t next_place = 0;                      ///< of the next sample of a reservoir

    layer_moments(std::size_t units, const layer_accumulator_options& options)
        : covariance(units, {.max_bytes = options.samples == 0 ? options.max_bytes
                                                               : (std::numeric_limits<std::size_t>::max)(),
                             .products = options.products}),
          has_covariance(needs_scatter(options) && !is_sketched(options.samples, units, options)) {
        if (is_sketched(options.samples, units, options)) {
            sketch.emplace(units, covariance_sketch_options{.probes = inference_probes});
        }
        if (!has_covariance) variances.emplace(units, 1);
        const std::size_t classes = (std::max<std::size_t>)(1, options.classes);
        const bool rectify = is_rectified(options);
        if (needs_counts(options)) active.emplace(units, classes);
        if (needs_selective_classes(options))
            selective_classes.emplace(units, classes, class_options{.rectify = rectify});
        if (needs_value_classes(options)) plain_classes.emplace(units, classes);
        if (needs_directions(options)) directions.emplace(units, classes);
        if (needs_selective_reservoir(options)) selective_reservoir.emplace(units, options.reservoir);
        if (needs_value_reservoir(options)) plain_reservoir.emplace(units, options.reservoir);
        if (needs_sums(options)) sums.emplace(units, classes, class_options{.rectify = rectify});
        if (!needs_selectivity(options)) return;
        histogram.emplace(units, histogram_options{.rectify = rectify});
        if (rectify) rectified_variances.emplace(units, 1);
    }

    [[nodiscard]] std::uint64_t samples() const noexcept {
        return variances ? variances->samples() : covariance.samples();
    }

    [[nodiscard]] bool has_reservoir() const noexcept { return selective_reservoir || plain_reservoir; }

    /// Class moments of the values themselves.
    [[nodiscard]] const class_moments& value_classes() const noexcept {
        return plain_classes ? *plain_classes : *selective_classes;
    }

    /// Samples of the values themselves.
    [[nodiscard]] const sample_reservoir& value_reservoir() const noexcept {
        return plain_reservoir ? *plain_reservoir : *selective_reservoir;
    }

    /// Adds rows (samples, units): `values`, and `selective`, the values for measures of units. `places` are
    /// those of the rows from `first_sample` on, for a reservoir.
    void update(const tensor_view<const double, 2>& values, const tensor_view<const double, 2>& selective,
                std::span<const std::int32_t> labels, std::uint64_t first_sample,
                std::span<const std::size_t> places, thread_pool& pool) {
        const std::vector<std::int32_t> one_class(values.extent(0));
        const std::span<const std::int32_t> classes = labels.empty() ? one_class : labels;
        if (sketch) sketch->update(values, {.threads = pool}, Backend{});
        if (variances) variances->update(values, one_class, {.threads = pool});
        if (has_covariance) covariance.update(values, {.threads = pool}, Backend{});
        // Classes may be added and renumbered between updates, which changes no bit.
        constexpr std::size_t division_classes = 10;
        if (selective_classes) selective_classes->divide_updates_as(division_classes);
        if (plain_classes) plain_classes->divide_updates_as(division_classes);
        if (directions) directions->divide_updates_as(division_classes);
        if (sums) sums->divide_updates_as(division_classes);
        if (active) active->update(selective, classes, {.threads = pool});
        if (selective_classes) selective_classes->update(selective, classes, {.threads = pool});
        if (plain_classes) plain_classes->update(values, classes, {.threads = pool});
        if (directions) directions->update(values, classes, {.threads = pool});
        const reservoir_update_options of_samples{
            .threads = pool, .first_index = first_sample, .places = places};
        if (selective_reservoir) selective_reservoir->update(selective, classes, of_samples);
        if (plain_reservoir) plain_reservoir->update(values, classes, of_samples);
        if (sums) sums->update(selective, classes, {.threads = pool});
        if (histogram) histogram->update(selective, {.threads = pool});
        if (rectified_variances) rectified_variances->update(selective, one_class, {.threads = pool});
    }

    void renumber_classes(std::span<const std::size_t> numbers, std::size_t classes) {
        if (sums) sums->renumber_classes(numbers, classes);
        if (active) active->renumber_classes(numbers, classes);
        if (selective_classes) selective_classes->renumber_classes(numbers, classes);
        if (plain_classes) plain_classes->renumber_classes(numbers, classes);
        if (directions) directions->renumber_classes(numbers, classes);
        if (selective_reservoir) selective_reservoir->renumber_labels(numbers);
        if (plain_reservoir) plain_reservoir->renumber_labels(numbers);
    }

    void merge(const layer_moments& other) {
        if (sketch) sketch->merge(*other.sketch);
        if (variances) variances->merge(*other.variances);
        covariance.merge(other.covariance, Backend{});
        if (active) active->merge(*other.active);
        if (selective_classes) selective_classes->merge(*other.selective_classes);
        if (plain_classes) plain_classes->merge(*other.plain_classes);
        if (directions) directions->merge(*other.directions);
        if (selective_reservoir) selective_reservoir->merge(*other.selective_reservoir);
        if (plain_reservoir) plain_reservoir->merge(*other.plain_reservoir);
        if (sums) sums->merge(*other.sums);
        if (histogram) histogram->merge(*other.histogram);
        if (rectified_variances) rectified_variances->merge(*other.rectified_variances);
    }

    /// Frees the memory of the samples themselves.
    void release_samples() noexcept {
        selective_reservoir.reset();
        plain_reservoir.reset();
    }

    /// Variance of each unit, of the values for selectivity.
    [[nodiscard]] std::vector<double> selective_variances() const {
        const auto& spread = rectified_variances ? rectified_variances : variances;
        if (!spread) return covariance.unit_variances();
        std::vector<double> result(covariance.units());
        for (std::size_t u = 0; u < result.size(); ++u) result[u] = spread->unit_variance(u);
        return result;
    }

    [[nodiscard]] selectivity_report selectivity(const layer_accumulator_options& options,
                                                 thread_pool& pool) const {
        selectivity_report report;
        report.epsilon = options.epsilon;
        report.negatives = options.negatives;
        report.class_counts = sums->counts();
        report.measured =
            class_selectivity(*sums, {.epsilon = options.epsilon, .negatives = options.negatives});
        const std::vector<double> spread = selective_variances();
        report.null_mean = selectivity_null_mean(report.measured.index, *sums, spread, *histogram,
                                                 {.threads = pool,
                                                  .epsilon = options.epsilon,
                                                  .shift = options.negatives == negative_policy::shift});
        if (options.inference && options.null == null_method::saddlepoint) {
            report.p_values = selectivity_p_values(*sums, spread, *histogram, {.threads = pool});
            for (std::size_t u = 0; u < report.p_values.size(); ++u) {
                const double index = report.measured.index[u];
                if (repscope::detail::is_nan(index)) report.p_values[u] = index;
            }
        }
        return report;
    }
};

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
