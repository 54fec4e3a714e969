#include "layers/tables.hpp"

#include "layers/inference_report.hpp"
#include "layers/measure_columns.hpp"
#include "render/text_table.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace program {

namespace {

using repscope::analysis::measure;
using repscope::analysis::measure_set;

void append(std::vector<std::string>& cells, const std::vector<std::string>& more) {
    cells.insert(cells.end(), more.begin(), more.end());
}

// The first columns of a table: what each layer is, in the first table, and its name and size in the others.
struct leading_columns {
    bool is_first = true;

    [[nodiscard]] std::vector<std::string> header() const {
        if (!is_first) return {"layer", "units"};
        return {"layer", "layout", "unit", "samples", "units"};
    }
    [[nodiscard]] std::vector<std::string> of(const layer_report& layer) const {
        if (!is_first) return {layer.name, std::to_string(layer.units)};
        return {layer.name, layer.layout, layer.unit == "channel_mean" ? "channel mean" : layer.unit,
                std::to_string(layer.samples), std::to_string(layer.units)};
    }
    [[nodiscard]] std::size_t left() const noexcept { return is_first ? 3 : 1; }
};

text_table selectivity_table(const std::vector<layer_report>& layers, const leading_columns& leading) {
    const bool shifted = layers.front().selectivity->negatives == repscope::negative_policy::shift;
    std::vector<std::string> header = leading.header();
    append(header, {shifted ? "shifted selectivity" : "selectivity", "live", "median", "if shuffled",
                    "silent", "undefined"});
    text_table table(header, leading.left());
    for (const auto& layer : layers) {
        const auto& measured = layer.selectivity->measured;
        std::vector<std::string> row = leading.of(layer);
        append(row, {fixed(measured.mean, 3), fixed(measured.mean_live, 3), fixed(measured.median, 3),
                     fixed(layer.selectivity->null_mean, 3), std::to_string(measured.silent_units),
                     std::to_string(measured.undefined_units)});
        table.add_row(std::move(row));
    }
    return table;
}

text_table size_table(const std::vector<layer_report>& layers, const leading_columns& leading,
                      measure_set measures) {
    const bool has_ratio = measures.contains(measure::participation_ratio);
    const bool has_components = measures.contains(measure::components);
    const bool has_stable_rank = measures.contains(measure::stable_rank);
    // The table of the default has no room for the effective ranks.
    const bool has_ranks =
        measures.contains(measure::effective_rank) &&
        !(measures == (repscope::analysis::default_measures & measures) && has_components && has_stable_rank);
    const bool has_power_law = measures.contains(measure::power_law);
    const bool has_rankme = measures.contains(measure::rankme);
    std::vector<std::string> header = leading.header();
    if (has_ratio) append(header, {"PR", "PR unbiased"});
    if (has_components) append(header, {"90 %", "95 %", "99 %", "95 % of units"});
    if (has_ranks) append(header, {"effective rank"});
    if (has_stable_rank) append(header, {"stable rank"});
    if (has_power_law) append(header, {"power law", "ranks"});
    if (has_rankme) append(header, {"RankMe"});
    text_table table(header, leading.left());
    for (const auto& layer : layers) {
        const auto& d = layer.dimensionality;
        const bool sketched =
            layer.inference && layer.inference->method == repscope::analysis::trace_method::sketch;
        const auto count = [&](std::size_t k) { return sketched ? "-" : std::to_string(d.components[k]); };
        std::vector<std::string> row = leading.of(layer);
        if (has_ratio)
            append(row, {fixed(d.participation_ratio, 2), fixed(d.participation_ratio_unbiased, 2)});
        if (has_components) append(row, {count(0), count(1), count(2), fixed(d.components_fraction[1], 3)});
        if (has_ranks) append(row, {fixed(d.effective_rank_eigenvalues, 2)});
        if (has_stable_rank) append(row, {fixed(d.stable_rank, 2)});
        if (has_power_law) {
            const repscope::power_law_result law = layer.power_law.value_or(repscope::power_law_result{});
            const bool is_fitted = law.last > law.first;
            append(row, {fixed(law.exponent, 3),
                         is_fitted ? std::to_string(law.first) + " .. " + std::to_string(law.last) : "-"});
        }
        if (has_rankme && layer.rankme) append(row, {fixed(*layer.rankme, 2)});
        table.add_row(std::move(row));
    }
    return table;
}

text_table comparison_table(const std::vector<layer_report>& layers, measure_set measures) {
    const bool has_selectivity = layers.front().selectivity.has_value();
    const bool has_ratio = measures.contains(measure::participation_ratio);
    const bool has_components = measures.contains(measure::components);
    std::vector<std::string> header{"perturbed"};
    if (has_selectivity) append(header, {"selectivity", "change"});
    if (has_ratio) append(header, {"PR"});
    if (has_components) append(header, {"95 %"});
    const bool has_difference = measures.contains_any(repscope::analysis::covariance_measures);
    if (has_difference) append(header, {"difference: size"});
    if (has_ratio) append(header, {"PR"});
    if (has_components) append(header, {"95 %"});
    text_table table(header, 1);
    for (const auto& layer : layers) {
        const comparison_report& report = *layer.comparison;
        std::vector<std::string> row{layer.name};
        if (has_selectivity) {
            const double after = report.selectivity->measured.mean;
            const double change = after - layer.selectivity->measured.mean;
            append(row, {fixed(after, 3), (change > 0.0005 ? "+" : "") + fixed(change, 3)});
        }
        if (has_ratio) append(row, {fixed(report.dimensionality.participation_ratio, 2)});
        if (has_components) append(row, {std::to_string(report.dimensionality.components[1])});
        if (has_difference) append(row, {fixed(report.relative_size, 3)});
        if (has_ratio) append(row, {fixed(report.difference.participation_ratio, 2)});
        if (has_components) append(row, {std::to_string(report.difference.components[1])});
        table.add_row(std::move(row));
    }
    return table;
}

// The columns of a group, in as many tables as lines of 100 columns need.
std::vector<text_table> group_tables(const std::vector<layer_report>& layers, const column_group& group) {
    constexpr std::size_t max_width = 100;
    std::size_t names = display_width(group.row_header);
    for (const layer_report& layer : layers) names = std::max(names, display_width(layer.name));
    std::vector<text_table> tables;
    for (std::size_t first = 0; first < group.columns.size();) {
        std::vector<std::string> header{group.row_header};
        std::size_t width = names, end = first;
        for (; end < group.columns.size(); ++end) {
            const measure_column& column = group.columns[end];
            std::size_t widest = display_width(column.header);
            for (const std::string& cell : column.cells) widest = std::max(widest, display_width(cell));
            if (end != first && width + 2 + widest > max_width) break;
            width += 2 + widest;
            header.push_back(column.header);
        }
        text_table table(header, 1);
        for (std::size_t k = 0; k < layers.size(); ++k) {
            std::vector<std::string> row{layers[k].name};
            for (std::size_t c = first; c < end; ++c) row.push_back(group.columns[c].cells[k]);
            table.add_row(std::move(row));
        }
        tables.push_back(std::move(table));
        first = end;
    }
    return tables;
}

} // namespace

std::string layer_table(const std::vector<layer_report>& layers, table_style style) {
    if (layers.empty()) return {};
    const layer_report& first = layers.front();
    const measure_set measures = first.measures;
    // A table per group: one line of all would be wider than a terminal.
    std::string text;
    leading_columns leading;
    const auto add = [&](const text_table& table) {
        text += (text.empty() ? "" : "\n") + (style == table_style::text ? table.text() : table.markdown());
        leading.is_first = false;
    };
    if (first.selectivity) add(selectivity_table(layers, leading));
    if (measures.contains_any(repscope::analysis::dimensionality_measures))
        add(size_table(layers, leading, measures));
    for (const column_group& group : column_groups(layers)) {
        for (const text_table& table : group_tables(layers, group)) add(table);
    }
    if (first.comparison &&
        (first.selectivity || measures.contains_any(repscope::analysis::covariance_measures))) {
        add(comparison_table(layers, measures));
    }
    if (!first.inference) return text;
    const auto rows = interval_rows(layers);
    if (!rows.empty()) {
        text_table table(interval_header(), 2);
        for (const auto& row : rows) table.add_row(row);
        add(table);
    }
    if (!first.inference->cross_fit && !measures.contains(measure::participation_ratio)) return text;
    add(inference_table(layers));
    return text + (style == table_style::markdown ? "\n" : "") + inference_notes(layers);
}

} // namespace program
