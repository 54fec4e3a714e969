#include "measure.hpp"

#include "interruption.hpp"
#include "layer_state.hpp"

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/dimensionality/representation_change.hpp>
#include <repscope/error.hpp>

#include <algorithm>
#include <utility>

namespace python_module {

namespace analysis = repscope::analysis;

namespace {

// The clean samples, the perturbed ones and their differences, in parts of the same samples.
program::comparison_report compare(activations& clean, activations& perturbed,
                                   std::span<const std::int32_t> classes,
                                   analysis::layer_accumulator_options options, const measured_names& names) {
    constexpr const char* function = "compare";
    if (clean.extents() != perturbed.extents()) {
        repscope::errors::throw_shape_error(function,
                                            "expected perturbed activations of shape " +
                                                repscope::format_shape(clean.array().shape),
                                            perturbed.array().shape);
    }
    options.inference = false;
    analysis::layer_accumulator_options without_labels = options;
    without_labels.classes = 0;
    const repscope::scoped_pool pool(options.threads);
    analysis::layer_accumulator before(clean.units(), without_labels), after(clean.units(), options),
        difference(clean.units(), without_labels);
    std::size_t zero_samples = 0;
    for (std::size_t first = 0; first < clean.samples();) {
        if (first != 0) throw_if_interrupted();
        const std::size_t count =
            std::min({before.room(), after.room(), difference.room(), clean.samples() - first});
        // The buffers keep the values of the units until they are written again.
        const double* const old_values = before.next_values();
        const double* const new_values = after.next_values();
        clean.with_samples(first, count, *pool, [&](const auto& view) { before.update(view); });
        perturbed.with_samples(first, count, *pool, [&](const auto& view) {
            if (options.classes == 0)
                after.update(view);
            else
                after.update(view, classes.subspan(first, count));
            zero_samples += count_zero_samples(view);
        });
        double* const to = difference.next_values();
        for (std::size_t i = 0; i < count * clean.units(); ++i) to[i] = new_values[i] - old_values[i];
        difference.commit(count);
        first += count;
    }
    before.flush();
    program::comparison_report report;
    repscope::representation_change_result change =
        repscope::representation_change(before.covariance(), difference.take_covariance());
    report.relative_size = change.relative_size;
    report.difference = std::move(change.dimensionality);
    program::layer_report measured;
    program::add_measures(after.finish(), names.labels, names.class_names, measured);
    report.dtype = perturbed.array().format.name();
    report.shape = perturbed.array().shape;
    report.zero_samples = zero_samples;
    report.selectivity = std::move(measured.selectivity);
    report.dimensionality = std::move(measured.dimensionality);
    return report;
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
    if (perturbed != nullptr) report.comparison = compare(x, *perturbed, classes, options, names);
    return report;
}

} // namespace python_module
