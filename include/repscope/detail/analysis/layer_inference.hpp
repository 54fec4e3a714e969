#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/layer_report.hpp"
#include "repscope/detail/analysis/layer_blocks.hpp"
#include "repscope/detail/analysis/layer_memory.hpp"
#include "repscope/detail/analysis/layer_needs.hpp"
#include "repscope/dimensionality/hutch_plus_plus.hpp"
#include "repscope/dimensionality/participation_ratio_jackknife.hpp"
#include "repscope/moments/blocked_class_sums.hpp"
#include "repscope/moments/covariance_sketch.hpp"
#include "repscope/random/normal_quantile.hpp"
#include "repscope/selectivity/cross_fit.hpp"
#include "repscope/selectivity/permutation_test.hpp"
#include "repscope/statistics/multiple_testing.hpp"

#include <algorithm>
#include <cmath>
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

/// States that the estimates of a layer need beyond its moments.
template <product_backend Backend>
struct layer_inference {
    std::optional<blocked_class_sums> blocks{};     ///< for selectivity
    std::optional<layer_blocks<Backend>> moments{}; ///< for other measures, if they fit into memory
    std::vector<std::uint32_t> labels{};            ///< of all samples, for permutations
    std::uint64_t next_place = 0;                   ///< index of the next sample, starting at `first_sample`

    // After the first pass.
    std::optional<participation_ratio_jackknife> jackknife{};
    std::optional<selectivity_permutation_test> permutation{};
    std::optional<sketched_participation_ratio> sketched{};
    std::size_t probes = 0;
    bool has_second_pass = false; ///< the jackknife uses only the first of the further passes

    layer_inference(std::size_t units, const layer_accumulator_options& options) {
        if (has_blocks(units, options)) moments.emplace(units, options);
        if (!needs_selectivity(options)) return;
        blocks.emplace(units, options.classes,
                       class_blocks_options{.blocks = inference_blocks,
                                            .rectify = is_rectified(options),
                                            .max_bytes = options.max_bytes});
    }

    /// Whether the indices of the samples are used.
    [[nodiscard]] bool needs_places() const noexcept { return blocks || moments; }

    /// Adds rows of the first pass: the values, and those for selectivity.
    void update(const tensor_view<const double, 2>& values, const tensor_view<const double, 2>& selective,
                std::span<const std::int32_t> classes, std::span<const std::size_t> places,
                const layer_accumulator_options& options, thread_pool& pool) {
        if (moments) moments->update(values, classes, options.first_sample, places, pool);
        if (!blocks) return;
        blocks->update(selective, classes,
                       {.threads = pool, .first_index = options.first_sample, .places = places});
        if (is_permuted(options)) labels.insert(labels.end(), classes.begin(), classes.end());
    }

    void renumber_classes(std::span<const std::size_t> numbers, std::size_t classes) {
        if (blocks) blocks->renumber_classes(numbers, classes);
        if (moments) moments->renumber_classes(numbers, classes);
    }

    void merge(const layer_inference& other, thread_pool& pool) {
        if (moments && other.moments)
            moments->merge(*other.moments, pool);
        else
            moments.reset(); // those of a part do not fit into memory
        if (!blocks) return;
        blocks->merge(*other.blocks);
        const std::vector<std::uint32_t> more = other.labels;
        labels.insert(labels.end(), more.begin(), more.end());
    }

    /// Ends the first pass of an exact layer.
    void take(scatter_matrix&& products, trace_method method) {
        const bool needs_rows = products.samples > products.order;
        if (method != trace_method::blocks || !needs_rows) jackknife.emplace(std::move(products));
    }

    /// Ends the first pass of a sketched layer.
    void take(const covariance_sketch& sketch) {
        sketched = participation_ratio(sketch);
        probes = sketch.probes();
    }

    void begin_permutations(std::size_t units, const layer_accumulator_options& options) {
        // The number that Benjamini and Hochberg's procedure at .05 needs to reject a single unit.
        const std::size_t most = (std::min<std::size_t>)(20 * units, 10'000'000);
        permutation.emplace(units, labels,
                            selectivity_permutation_options{
                                .permutations = options.permutations,
                                .max_permutations = most,
                                .epsilon = options.epsilon,
                                .negatives = options.negatives,
                                .max_bytes = bytes_for_permutations(labels.size(), units, options)});
        labels = {};
    }

    [[nodiscard]] bool jackknife_needs_rows() const {
        return !has_second_pass && jackknife && jackknife->needs_second_pass();
    }
    [[nodiscard]] bool needs_pass() const {
        return jackknife_needs_rows() || (permutation && permutation->needs_pass());
    }

    /// Adds rows of a further pass.
    void update_again(const tensor_view<const double, 2>& values,
                      const tensor_view<const double, 2>& selective, thread_pool& pool) {
        if (jackknife_needs_rows()) jackknife->update(values, {.threads = pool}, Backend{});
        if (permutation) permutation->update(selective, {.threads = pool});
    }

    /// Completes `report` after the last pass. Consumes the moments of blocks.
    void finish(const layer_accumulator_options& options, thread_pool& pool, layer_report& report) {
        inference_report& result = report.inference.emplace();
        if (blocks) {
            result.cross_fit = cross_fit_selectivity(
                *blocks, {.threads = pool, .epsilon = options.epsilon, .negatives = options.negatives});
            result.blocks = inference_blocks;
            result.state_bytes =
                blocked_class_sums::bytes_needed(blocks->units(), blocks->classes(), inference_blocks);
            add_p_values(options, report, result);
        }
        if (sketched)
            add_sketched_ratio(report, result);
        else if (jackknife)
            result.participation_ratio = jackknife->estimate(0.95, Backend{});
        else if (needs_ratio_estimate(options))
            begin_block_ratio(report, result);
        add_intervals(options, pool, report, result);
    }

  private:
    /// The participation ratio, whose interval is that of blocks.
    static void begin_block_ratio(const layer_report& report, inference_report& result) {
        constexpr double nan = std::numeric_limits<double>::quiet_NaN();
        result.method = trace_method::blocks;
        result.participation_ratio = {report.dimensionality.participation_ratio,
                                      report.dimensionality.participation_ratio_unbiased,
                                      nan,
                                      nan,
                                      {},
                                      report.samples};
    }

    void add_intervals(const layer_accumulator_options& options, thread_pool& pool,
                       const layer_report& report, inference_report& result) {
        measure_set needed = block_measures(report.units, options);
        if (result.method != trace_method::blocks) needed = needed.without({measure::participation_ratio});
        if (needed.empty()) return;
        if (!moments) {
            for (const named_value& each : geometry_values({}, needed)) result.left_out.push_back(each.name);
            if (needed.contains(measure::participation_ratio))
                result.left_out.push_back("participation_ratio");
            result.block_bytes = bytes_of_blocks(report.samples, report.units, options);
            return;
        }
        result.intervals = moments->intervals(pool);
        if (result.intervals.empty() || result.intervals.back().name != block_ratio_name) return;
        const estimate_interval of_log = result.intervals.back().value;
        result.intervals.pop_back();
        if (result.method != trace_method::blocks) return;
        result.participation_ratio.se_log = of_log.error;
        result.participation_ratio.ci = {std::exp(of_log.range.low), std::exp(of_log.range.high)};
    }

    void add_p_values(const layer_accumulator_options& options, const layer_report& report,
                      inference_report& result) const {
        if (permutation) {
            result.null = null_method::permutation;
            selectivity_permutation_result permuted = permutation->result();
            result.p_value = std::move(permuted.p_value);
            result.null_95 = std::move(permuted.null_95);
            result.permutations = options.permutations;
            result.max_permutations =
                *std::max_element(permuted.permutations.begin(), permuted.permutations.end());
            result.passes = permutation->passes();
        } else {
            result.p_value = report.selectivity->p_values;
        }
        std::vector<double> tested = result.p_value;
        std::erase_if(tested, [](double p) { return repscope::detail::is_nan(p); });
        result.tested_units = tested.size();
        for (const double q : benjamini_hochberg(tested)) result.significant_units += q <= 0.05 ? 1U : 0U;
    }

    void add_sketched_ratio(layer_report& report, inference_report& result) const {
        constexpr double nan = std::numeric_limits<double>::quiet_NaN();
        result.method = trace_method::sketch;
        report.dimensionality.participation_ratio = sketched->naive;
        report.dimensionality.participation_ratio_unbiased = sketched->unbiased;
        report.dimensionality.stable_rank = nan;
        report.dimensionality.components_fraction.fill(nan);
        result.probes = probes;
        result.participation_ratio = {
            sketched->naive, sketched->unbiased, nan, sketched->unbiased_error_log, {}, sketched->samples};
        const double reach = normal_quantile(0.975) * sketched->unbiased_error_log;
        result.participation_ratio.ci = {sketched->unbiased * std::exp(-reach),
                                         sketched->unbiased * std::exp(reach)};
    }
};

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
