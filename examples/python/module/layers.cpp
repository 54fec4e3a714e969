#include "conversions.hpp"
#include "labels.hpp"
#include "layer_state.hpp"
#include "layers/tables.hpp"
#include "measure.hpp"
#include "measure/report/page.hpp"
#include "options.hpp"
#include "parts.hpp"
#include "report.hpp"

#include <repscope/analysis/state_file.hpp>
#include <repscope/error.hpp>

#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace python_module {

namespace py = pybind11;
namespace analysis = repscope::analysis;

namespace {

using named_states = std::vector<std::pair<std::string, const layer_state*>>;

// The classes of the labels of an accumulator of `classes` classes, numbered from 0 by the caller.
std::vector<std::int32_t> indices_of(py::handle labels, std::size_t classes) {
    constexpr const char* function = "LayerAccumulator.update";
    const std::vector<std::int64_t> values = integers_of(array_of(labels, function), function);
    std::vector<std::int32_t> indices(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] < 0 || static_cast<std::uint64_t>(values[i]) >= classes) {
            repscope::errors::throw_value_error(
                function, "expected labels in 0 .. " + repscope::errors::text_of(classes - 1) + ", got " +
                              repscope::errors::text_of(values[i]) + " at position " +
                              repscope::errors::text_of(i));
        }
        indices[i] = static_cast<std::int32_t>(values[i]);
    }
    return indices;
}

void update(layer_state& state, py::handle array, const py::object& labels, const std::string& layout) {
    constexpr const char* function = "LayerAccumulator.update";
    activations x(array_of(array, function), layout_named(layout), function);
    std::vector<std::int32_t> classes;
    if (!labels.is_none()) {
        if (state.options().classes == 0)
            repscope::errors::throw_value_error(function, "expected no labels, since there are no classes");
        classes = indices_of(labels, state.options().classes);
    } else if (state.options().classes != 0) {
        repscope::errors::throw_value_error(function, "expected labels, one per sample");
    }
    const py::gil_scoped_release unlocked;
    state.update(x, classes);
}

std::unique_ptr<program::layer_report> report_of(const layer_state& state, const std::string& name,
                                                 const std::vector<std::int64_t>& labels,
                                                 const std::vector<std::string>& class_names) {
    return std::make_unique<program::layer_report>(state.report(name, labels, class_names));
}

std::unique_ptr<program::layer_report> measure_array(py::handle array, const py::object& perturbed,
                                                     const py::object& labels,
                                                     const std::vector<std::string>& class_names,
                                                     const std::string& name, const std::string& layout,
                                                     const py::dict& options) {
    const char* const function = perturbed.is_none() ? "measure" : "compare";
    activations x(array_of(array, function), layout_named(layout), function);
    std::optional<activations> other;
    if (!perturbed.is_none()) other.emplace(array_of(perturbed, function), layout_named(layout), function);
    class_indices classes;
    if (!labels.is_none()) classes = classes_of(array_of(labels, function), function);
    const analysis::layer_accumulator_options of_layer =
        accumulator_options(options, classes.labels.size(), other.has_value());
    const py::gil_scoped_release unlocked;
    auto report = std::make_unique<program::layer_report>(
        measure(x, other ? &*other : nullptr, classes.index, of_layer, {name, classes.labels, class_names}));
    report->batches = 1;
    return report;
}

py::bytes write_states(const named_states& layers, const std::string& options, const std::string& note,
                       const std::vector<std::int64_t>& class_labels) {
    std::vector<std::byte> bytes;
    {
        const py::gil_scoped_release unlocked;
        analysis::state_file run;
        run.options = options;
        run.note = note;
        run.class_labels = class_labels;
        analysis::state_file_writer writer(run);
        for (const auto& [name, state] : layers) {
            std::vector<analysis::saved_section> sections;
            writer.add(state->save(name, sections));
        }
        bytes = writer.finish();
    }
    const void* const data = bytes.data();
    return {static_cast<const char*>(data), bytes.size()};
}

// The bytes of a Python object, which must outlive the result.
std::span<const std::byte> span_of(const py::bytes& bytes) {
    const auto text = static_cast<std::string_view>(bytes);
    return std::as_bytes(std::span(text.data(), text.size()));
}

py::tuple describe_states(const py::bytes& bytes, const std::string& file) {
    const analysis::state_file states = analysis::parse_state_file(span_of(bytes), file);
    return py::make_tuple(states.options, states.note, states.class_labels, states.shard, states.shards);
}

py::list read_states(const py::bytes& bytes, const std::string& file, const py::dict& options) {
    const analysis::state_file states = analysis::parse_state_file(span_of(bytes), file);
    py::list layers;
    for (const analysis::stored_layer& layer : states.layers) {
        layers.append(py::make_tuple(
            layer.name,
            std::make_unique<layer_state>(
                layer, accumulator_options(options, options["classes"].cast<std::size_t>()), file)));
    }
    return layers;
}

std::string table_of(const std::vector<const program::layer_report*>& reports) {
    std::vector<program::layer_report> layers;
    for (const program::layer_report* report : reports) layers.push_back(*report);
    return program::layer_table(layers);
}

// The page of `repscope measure --report`, without files.
std::string page_of(const std::vector<const program::layer_report*>& reports,
                    const std::vector<std::string>& measures,
                    const std::vector<std::pair<std::string, std::string>>& options) {
    if (reports.empty())
        repscope::errors::throw_value_error("to_html", "expected at least 1 layer, got none");
    program::measure_result result;
    for (const program::layer_report* report : reports) result.layers.push_back(*report);
    result.settings.measures = measures;
    return program::report_page(result, {options});
}

} // namespace

void add_layers(py::module_& module) {
    py::class_<program::layer_report>(module, "LayerReport")
        .def("as_dict", [](const program::layer_report& report) { return dict_of(report); });
    py::class_<layer_state>(module, "LayerState")
        .def(py::init([](const py::dict& options) {
            return std::make_unique<layer_state>(
                accumulator_options(options, options["classes"].cast<std::size_t>()));
        }))
        .def_property_readonly("samples", &layer_state::samples)
        .def_property_readonly("units", &layer_state::units)
        .def("update", &update)
        .def("merge", &layer_state::merge, py::call_guard<py::gil_scoped_release>())
        .def("next_pass", &layer_state::next_pass, py::call_guard<py::gil_scoped_release>())
        .def("report", &report_of, py::call_guard<py::gil_scoped_release>());
    module.def("measure", &measure_array);
    module.def("write_states", &write_states);
    module.def("describe_states", &describe_states);
    module.def("read_states", &read_states);
    module.def("table", &table_of);
    module.def("page", &page_of, py::call_guard<py::gil_scoped_release>());
    module.def("classes_of", [](py::handle labels) {
        const class_indices classes = classes_of(array_of(labels, "classes"), "classes");
        return py::make_tuple(array_from(classes.labels), array_from(classes.index));
    });
}

} // namespace python_module
