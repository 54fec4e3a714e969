#include "measure/report/page.hpp"

#include "layers/inference_report.hpp"
#include "layers/measure_columns.hpp"
#include "measure/report/figures.hpp"
#include "measure/report/heading.hpp"
#include "render/html.hpp"
#include "render/text_table.hpp"
#include "support/versions.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace program {

namespace {

using repscope::analysis::measure;
using repscope::analysis::measure_set;

void append_cells(std::vector<std::string>& cells, const std::vector<std::string>& more) {
    cells.insert(cells.end(), more.begin(), more.end());
}

std::string selectivity_table(const std::vector<layer_report>& reports) {
    html_table table(
        {"layer", "unit", "samples", "units", "mean", "live", "median", "if shuffled", "silent", "undefined"},
        2);
    for (const auto& layer : reports) {
        const auto& measured = layer.selectivity->measured;
        table.add({layer.name, layer.unit == "channel_mean" ? "channel mean" : layer.unit,
                   std::to_string(layer.samples), std::to_string(layer.units), fixed(measured.mean, 3),
                   fixed(measured.mean_live, 3), fixed(measured.median, 3),
                   fixed(layer.selectivity->null_mean, 3), std::to_string(measured.silent_units),
                   std::to_string(measured.undefined_units)});
    }
    return table.text();
}

std::string dimensionality_table(const std::vector<layer_report>& reports) {
    const measure_set measures = reports.front().measures;
    std::vector<std::string> header{"layer", "shape", "layout", "samples", "units"};
    if (measures.contains(measure::participation_ratio))
        append_cells(header, {"participation ratio", "unbiased"});
    if (measures.contains(measure::components))
        append_cells(header, {"90 %", "95 %", "99 %", "95 % of units"});
    if (measures.contains(measure::stable_rank)) append_cells(header, {"stable rank"});
    if (measures.contains(measure::power_law)) append_cells(header, {"power law", "from", "to"});
    if (measures.contains(measure::rankme)) append_cells(header, {"RankMe"});
    html_table table(header, 3);
    for (const auto& layer : reports) {
        const auto& d = layer.dimensionality;
        std::vector<std::string> row{layer.name, repscope::format_shape(layer.shape), layer.layout,
                                     std::to_string(layer.samples), std::to_string(layer.units)};
        if (measures.contains(measure::participation_ratio))
            append_cells(row, {fixed(d.participation_ratio, 2), fixed(d.participation_ratio_unbiased, 2)});
        if (measures.contains(measure::components)) {
            for (const std::size_t count : d.components) row.push_back(std::to_string(count));
            row.push_back(fixed(d.components_fraction[1], 3));
        }
        if (measures.contains(measure::stable_rank)) row.push_back(fixed(d.stable_rank, 2));
        if (measures.contains(measure::power_law) && layer.power_law) {
            append_cells(row, {fixed(layer.power_law->exponent, 3), std::to_string(layer.power_law->first),
                               std::to_string(layer.power_law->last)});
        }
        if (layer.rankme) row.push_back(fixed(*layer.rankme, 2));
        table.add(row);
    }
    return table.text();
}

std::string comparison_table(const std::vector<layer_report>& reports) {
    const bool has_selectivity = reports.front().selectivity.has_value();
    std::vector<std::string> header{"layer"};
    if (has_selectivity) header.insert(header.end(), {"selectivity", "perturbed", "change"});
    const measure_set measures = reports.front().measures;
    const bool has_ratio = measures.contains(measure::participation_ratio);
    const bool has_components = measures.contains(measure::components);
    if (has_ratio) append_cells(header, {"PR", "perturbed"});
    if (has_components) append_cells(header, {"95 %", "perturbed"});
    append_cells(header, {"size of difference"});
    if (has_ratio) append_cells(header, {"its PR"});
    if (has_components) append_cells(header, {"its 95 %"});
    html_table table(header);
    for (const auto& layer : reports) {
        const comparison_report& other = *layer.comparison;
        std::vector<std::string> row{layer.name};
        if (has_selectivity) {
            const double before = layer.selectivity->measured.mean;
            const double after = other.selectivity->measured.mean;
            row.insert(row.end(), {fixed(before, 3), fixed(after, 3), fixed(after - before, 3)});
        }
        if (has_ratio) {
            append_cells(row, {fixed(layer.dimensionality.participation_ratio, 2),
                               fixed(other.dimensionality.participation_ratio, 2)});
        }
        if (has_components) {
            append_cells(row, {std::to_string(layer.dimensionality.components[1]),
                               std::to_string(other.dimensionality.components[1])});
        }
        row.push_back(fixed(other.relative_size, 3));
        if (has_ratio) row.push_back(fixed(other.difference.participation_ratio, 2));
        if (has_components) row.push_back(std::to_string(other.difference.components[1]));
        table.add(row);
    }
    return table.text();
}

std::string file_table(const std::vector<input_record>& inputs) {
    html_table table({"file", "bytes", "SHA-256"});
    for (const input_record& input : inputs) {
        table.add({input.file, std::to_string(input.bytes), input.sha256.value_or("")});
    }
    return table.text();
}

} // namespace

std::string report_page(const measure_result& result, const page_facts& facts) {
    const measure_figures figures = draw_figures(result);
    const std::vector<layer_report>& reports = result.layers;
    const bool has_selectivity = reports.front().selectivity.has_value();
    std::string text = "<h1>Representations of " + std::to_string(reports.size()) +
                       (reports.size() == 1 ? " layer" : " layers") + "</h1>\n<p class=\"sub\">" +
                       escaped(heading(result)) + " &middot; repscope " + version_text() + "</p>\n";
    if (!figures.drawn) text += "<p><b>Figures are left out:</b> gnuplot was not found, or failed.</p>\n";
    text +=
        "<div class=\"figures\">" +
        html_figure(figures.selectivity_by_depth,
                    "Mean class selectivity of the layers, in their order: 0 if units respond to all classes "
                    "alike, near 1 if they respond to one class only") +
        html_figure(
            figures.dimensionality_by_depth,
            "Dimensions that the layers use (PR: participation ratio), and their units: the lower the "
            "line is below that of the units, the fewer directions the activations have") +
        "</div>\n";
    if (has_selectivity) text += "<h2>Class selectivity</h2>\n" + selectivity_table(reports);
    const bool has_dimensionality =
        reports.front().measures.contains_any(repscope::analysis::dimensionality_measures);
    if (has_dimensionality) text += "<h2>Dimensionality</h2>\n" + dimensionality_table(reports);
    for (const column_group& group : column_groups(reports)) {
        std::vector<std::string> header{"layer"};
        for (const measure_column& column : group.columns) header.push_back(column.header);
        html_table table(header);
        for (std::size_t k = 0; k < reports.size(); ++k) {
            std::vector<std::string> row{reports[k].name};
            for (const measure_column& column : group.columns) row.push_back(column.cells[k]);
            table.add(row);
        }
        text += "<h2>" + group.title + "</h2>\n" + table.text();
    }
    if (result.similarity) {
        text +=
            "<h2>Similarity of layers</h2>\n<div class=\"figures\">" +
            html_figure(figures.similarity,
                        "Unbiased linear CKA of the layers, of " + samples_of_similarity(*result.similarity) +
                            ": 1 for layers that are equal up to a rotation and a scale, about 0 for "
                            "independent ones") +
            "</div>\n";
    }
    if (const auto rows = interval_rows(reports); !rows.empty()) {
        html_table table(interval_header(), 2);
        for (const auto& row : rows) table.add(row);
        text += "<h2>Intervals</h2>\n" + table.text();
    }
    const bool has_change =
        has_selectivity || reports.front().measures.contains_any(repscope::analysis::covariance_measures);
    if (reports.front().comparison && has_change)
        text += "<h2>Under the perturbation</h2>\n" + comparison_table(reports);
    std::string notes;
    for (const auto& note : result.notes) notes += "<li>" + escaped(note) + "</li>\n";
    for (const auto& report : reports) {
        for (const auto& note : notes_on(report)) {
            notes += "<li>" + escaped(report.name + ": " + note) + "</li>\n";
        }
    }
    if (!notes.empty()) text += "<h2>Notes</h2>\n<ul class=\"notes\">" + notes + "</ul>\n";
    if (figures.drawn) {
        text += "<h2>Layers</h2>\n";
        for (std::size_t k = 0; k < reports.size(); ++k) {
            text += "<h3>" + escaped(reports[k].name) + "</h3>\n<div class=\"figures\">" +
                    html_figure(figures.layers[k].selectivity,
                                "Class selectivity of its units: how many units have which index") +
                    html_figure(figures.layers[k].spectrum,
                                "Spectrum of its covariance, and the components that hold "
                                "90, 95 and 99 % of the variance") +
                    "</div>\n";
        }
    }
    text += "<h2>What was measured</h2>\n";
    if (result.inputs) text += file_table(*result.inputs);
    text += "<h3>Options</h3>\n" + option_table(facts.options) +
            "<p class=\"sub\">Definitions of all numbers: docs/reference of repscope." + facts.closing +
            "</p>\n";
    return html_page("repscope: " + std::to_string(reports.size()) + " layers", text);
}

} // namespace program
