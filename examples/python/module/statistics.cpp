#include "activations.hpp"
#include "conversions.hpp"
#include "interruption.hpp"
#include "labels.hpp"
#include "options.hpp"
#include "parts.hpp"
#include "report.hpp"

#include <repscope/dimensionality/participation_ratio_jackknife.hpp>
#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/error.hpp>
#include <repscope/moments/class_sums.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <pybind11/stl.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace python_module {

namespace py = pybind11;

namespace {

activations activations_of(py::handle array, const std::string& layout, const char* function) {
    return activations(array_of(array, function), layout_named(layout), function);
}

// Calls `use(view, first)` for all samples in parts, and looks for an interruption between them. The first
// part has at least `least_first` samples, if there are so many.
template <typename Use>
void for_each_part(activations& x, repscope::thread_pool& pool, Use&& use, std::size_t least_first = 0) {
    const std::size_t part = samples_at_a_time(x);
    for (std::size_t first = 0; first < x.samples();) {
        if (first != 0) throw_if_interrupted();
        const std::size_t parts = first == 0 ? std::max<std::size_t>(1, (least_first + part - 1) / part) : 1;
        const std::size_t count = std::min(parts * part, x.samples() - first);
        x.with_samples(first, count, pool, [&](const auto& view) { use(view, first); });
        first += count;
    }
}

repscope::covariance covariance_of(activations& x, repscope::thread_pool& pool, const char* function) {
    if (x.samples() < 2 || x.units() * x.positions() == 0) {
        repscope::errors::throw_shape_error(function, "expected at least 2 samples and 1 unit",
                                            x.array().shape);
    }
    repscope::covariance state(x.units());
    // The state keeps as many rows as units before it has a matrix: a first part with more rows saves that
    // copy.
    for_each_part(
        x, pool, [&](const auto& view, std::size_t) { state.update(view, {.threads = pool}); },
        x.units() + 1);
    return state;
}

py::dict class_selectivity(py::handle array, py::handle labels, const std::string& layout,
                           const std::string& policy, double epsilon, int threads) {
    constexpr const char* function = "class_selectivity";
    activations x = activations_of(array, layout, function);
    const class_indices classes = classes_of(array_of(labels, function), function);
    const repscope::negative_policy negatives = policy_of(policy);
    repscope::selectivity_result result;
    {
        const py::gil_scoped_release unlocked;
        if (x.samples() * x.units() * x.positions() == 0)
            repscope::errors::throw_shape_error(function, "expected at least one sample and unit",
                                                x.array().shape);
        if (classes.index.size() != x.samples()) {
            repscope::errors::throw_shape_error(
                function, "expected one label per sample, got " +
                              repscope::errors::text_of(classes.index.size()) + " labels for " +
                              repscope::errors::text_of(x.samples()) + " samples");
        }
        repscope::thread_pool pool(thread_count(threads));
        repscope::class_sums state(x.units(), classes.labels.size(),
                                   {.rectify = negatives == repscope::negative_policy::rectify});
        for_each_part(x, pool, [&](const auto& view, std::size_t first) {
            state.update(view, std::span(classes.index).subspan(first, view.extent(0)), {.threads = pool});
        });
        result = repscope::class_selectivity(state, {.epsilon = epsilon, .negatives = negatives});
    }
    py::dict fields;
    fields["index"] = array_from(result.index);
    fields["mu_max"] = array_from(result.mu_max);
    fields["mu_rest"] = array_from(result.mu_rest);
    fields["preferred_class"] = array_from(result.preferred_class);
    fields["class_labels"] = array_from(classes.labels);
    fields["mean"] = result.mean;
    fields["mean_live"] = result.mean_live;
    fields["median"] = result.median;
    fields["silent_units"] = result.silent_units;
    fields["undefined_units"] = result.undefined_units;
    return fields;
}

// A measure of the centered products of all samples.
template <typename Measure>
auto measure_of_products(py::handle array, const std::string& layout, int threads, const char* function,
                         Measure&& measure) {
    activations x = activations_of(array, layout, function);
    const py::gil_scoped_release unlocked;
    repscope::thread_pool pool(thread_count(threads));
    return measure(covariance_of(x, pool, function).centered(), pool);
}

double participation_ratio(py::handle array, const std::string& layout, int threads) {
    return measure_of_products(array, layout, threads, "participation_ratio",
                               [](const repscope::scatter_matrix& s, repscope::thread_pool&) {
                                   return repscope::participation_ratio(s);
                               });
}

double participation_ratio_unbiased(py::handle array, const std::string& layout, int threads) {
    return measure_of_products(array, layout, threads, "participation_ratio_unbiased",
                               [](const repscope::scatter_matrix& s, repscope::thread_pool&) {
                                   return repscope::participation_ratio_unbiased(s);
                               });
}

py::dict participation_ratio_interval(py::handle array, double confidence, const std::string& layout,
                                      int threads) {
    constexpr const char* function = "participation_ratio_interval";
    activations x = activations_of(array, layout, function);
    repscope::participation_ratio_estimate estimate;
    {
        const py::gil_scoped_release unlocked;
        repscope::thread_pool pool(thread_count(threads));
        repscope::participation_ratio_jackknife jackknife(covariance_of(x, pool, function).centered());
        if (jackknife.needs_second_pass()) {
            for_each_part(x, pool,
                          [&](const auto& view, std::size_t) { jackknife.update(view, {.threads = pool}); });
        }
        estimate = jackknife.estimate(confidence);
    }
    py::dict fields;
    fields["naive"] = estimate.naive;
    fields["unbiased"] = estimate.unbiased;
    fields["jackknife"] = estimate.jackknife;
    fields["se_log"] = estimate.se_log;
    fields["ci"] = py::make_tuple(estimate.ci.low, estimate.ci.high);
    fields["samples"] = estimate.samples;
    return fields;
}

py::dict dimensionality(py::handle array, const std::string& layout, int threads) {
    const repscope::dimensionality_result result =
        measure_of_products(array, layout, threads, "dimensionality",
                            [](const repscope::scatter_matrix& s, repscope::thread_pool& pool) {
                                return repscope::dimensionality(s, {.threads = pool});
                            });
    py::dict fields = dict_of(program::fields_of(result));
    fields["spectrum"] = array_from(result.spectrum);
    return fields;
}

} // namespace

void add_statistics(py::module_& module) {
    module.def("class_selectivity", &class_selectivity);
    module.def("participation_ratio", &participation_ratio);
    module.def("participation_ratio_unbiased", &participation_ratio_unbiased);
    module.def("participation_ratio_interval", &participation_ratio_interval);
    module.def("dimensionality", &dimensionality);
}

} // namespace python_module
