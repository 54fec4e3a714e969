#include "measure.hpp"

#include "interruption.hpp"
#include "layer_state.hpp"

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/analysis/layer_similarity.hpp>
#include <repscope/dimensionality/representation_change.hpp>
#include <repscope/error.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace python_module {

namespace analysis = repscope::analysis;

namespace {

// The clean samples, the perturbed ones and their differences, in parts of the same samples. Only the
// similarity has intervals.
void compare(activations& clean, activations& perturbed, std::span<const std::int32_t> classes,
             analysis::layer_accumulator_options options, const measured_names& names,
             program::layer_report& layer) {
    constexpr const char* function = "compare";
    if (clean.extents() != perturbed.extents()) {
        repscope::errors::throw_shape_error(function,
                                            "expected perturbed activations of shape " +
                                                repscope::format_shape(clean.array().shape),
                                            perturbed.array().shape);
    }
    const analysis::layer_accumulator_options of_similarity = options;
    options.inference = false;
    options.measures = options.measures.without(analysis::unit_measures | analysis::neighbor_measures);
    analysis::layer_accumulator_options of_pairs = options;
    of_pairs.classes = 0;
    of_pairs.measures = options.measures & analysis::covariance_measures;
    const repscope::scoped_pool pool(options.threads);
    analysis::layer_accumulator after(clean.units(), options);
    std::optional<analysis::layer_accumulator> before, difference;
    std::optional<analysis::layer_similarity> similarity;
    if (options.measures.contains_any(analysis::similarity_measures)) {
        similarity.emplace(clean.units(), of_similarity);
        analysis::layer_accumulator_options of_clean = options;
        of_clean.measures =
            options.measures & (analysis::similarity_measures | analysis::covariance_measures);
        before.emplace(clean.units(), of_clean);
    } else if (!of_pairs.measures.empty()) {
        before.emplace(clean.units(), of_pairs);
    }
    if (!of_pairs.measures.empty()) difference.emplace(clean.units(), of_pairs);
    const auto add = [&](analysis::layer_accumulator& to, const auto& view, std::size_t first) {
        if (to.options().classes == 0)
            to.update(view);
        else
            to.update(view, classes.subspan(first, view.extent(0)));
    };
    std::size_t zero_samples = 0;
    for (std::size_t first = 0; first < clean.samples();) {
        if (first != 0) throw_if_interrupted();
        std::size_t count = std::min(after.room(), clean.samples() - first);
        if (before) count = std::min(count, before->room());
        if (difference) count = std::min(count, difference->room());
        // The buffers keep the values of the units until they are written again.
        const double* const new_values = after.next_values();
        const double* const new_rectified = after.next_rectified();
        perturbed.with_samples(first, count, *pool, [&](const auto& view) {
            add(after, view, first);
            zero_samples += count_zero_samples(view);
        });
        if (before) {
            const double* const old_values = before->next_values();
            const double* const old_rectified = before->next_rectified();
            clean.with_samples(first, count, *pool, [&](const auto& view) { add(*before, view, first); });
            if (similarity) {
                using matrix = repscope::tensor_view<const double, 2>;
                const auto rows_of = [&](const double* values, const double* rectified) {
                    const double* const selective = rectified == nullptr ? values : rectified;
                    return analysis::similarity_rows{matrix(values, {count, clean.units()}),
                                                     matrix(selective, {count, clean.units()})};
                };
                std::vector<std::size_t> places(count);
                std::iota(places.begin(), places.end(), first);
                const auto of_rows = classes.empty() ? classes : classes.subspan(first, count);
                similarity->update(rows_of(old_values, old_rectified), rows_of(new_values, new_rectified),
                                   of_rows, places, *pool);
            }
            if (difference) {
                double* const to = difference->next_values();
                for (std::size_t i = 0; i < count * clean.units(); ++i) to[i] = new_values[i] - old_values[i];
                difference->commit(count);
            }
        }
        first += count;
    }
    program::comparison_report& report = layer.comparison.emplace();
    report.relative_size = std::numeric_limits<double>::quiet_NaN();
    if (before) before->flush();
    if (similarity) {
        after.flush();
        layer.similarity = similarity->finish(*before, after, *pool);
    }
    if (difference) {
        difference->flush();
        report.relative_size =
            repscope::relative_size_of_change(before->covariance(), difference->covariance());
        report.difference = difference->finish().dimensionality;
    }
    program::layer_report measured;
    program::add_measures(after.finish(), names.labels, names.class_names, measured);
    report.dtype = perturbed.array().format.name();
    report.shape = perturbed.array().shape;
    report.zero_samples = zero_samples;
    report.selectivity = std::move(measured.selectivity);
    report.dimensionality = std::move(measured.dimensionality);
    report.power_law = measured.power_law;
    report.rankme = measured.rankme;
    report.geometry = std::move(measured.geometry);
}

} // namespace

program::layer_report measure(activations& x, activations* perturbed, std::span<const std::int32_t> classes,
                              analysis::layer_accumulator_options options, const measured_names& names) {
    options.samples = x.samples();
    layer_state state(options);
    const auto add_all = [&] { state.update(x, classes, true); };
    add_all();
    while (state.next_pass()) add_all();
    program::layer_report report = state.report(names.layer, names.labels, names.class_names);
    if (perturbed != nullptr) compare(x, *perturbed, classes, options, names, report);
    return report;
}

} // namespace python_module
