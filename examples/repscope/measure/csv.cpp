#include "measure/csv.hpp"

#include "layers/fields.hpp"
#include "layers/unit_columns.hpp"
#include "render/csv.hpp"

#include <numeric>

namespace program {

namespace {

std::string text_of(std::monostate) { return {}; }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(std::size_t value) { return std::to_string(value); }
std::string text_of(double value) { return csv_field(value); }
std::string text_of(const std::string& value) { return csv_field(value); }
template <typename T>
std::string text_of(const std::vector<T>&) {
    return {}; // arrays have no column
}

bool has_column(const layer_field& field) {
    const bool is_null = std::holds_alternative<std::monostate>(field.value);
    return !is_array(field.value) &&
           !(is_null && (field.key == "selectivity" || field.key.ends_with(".selectivity")));
}

} // namespace

std::string layers_csv(const std::vector<layer_report>& layers) {
    std::string text;
    for (const layer_report& layer : layers) {
        std::vector<std::string> names, values;
        for (const layer_field& field : fields_of(layer)) {
            if (!has_column(field)) continue;
            names.push_back(field.key);
            values.push_back(std::visit([](const auto& held) { return text_of(held); }, field.value));
        }
        if (text.empty()) text = csv_line(names);
        text += csv_line(values);
    }
    return text;
}

std::string units_csv(const std::vector<layer_report>& layers) {
    if (layers.empty() || (!layers.front().selectivity && !layers.front().unit_values)) return {};
    const bool has_selectivity = layers.front().selectivity.has_value();
    const bool compared = has_selectivity && layers.front().comparison.has_value();
    std::vector<std::string> header{"layer", "unit"};
    if (has_selectivity) header.insert(header.end(), {"index", "preferred_class", "mu_max", "mu_rest"});
    if (compared) header.push_back("perturbed_index");
    const auto columns_of = [](const layer_report& layer) {
        return layer.unit_values ? unit_columns(*layer.unit_values) : std::vector<unit_column>();
    };
    for (const unit_column& column : columns_of(layers.front())) header.push_back(column.key);
    std::string text = csv_line(header);
    for (const layer_report& layer : layers) {
        const std::vector<unit_column> columns = columns_of(layer);
        for (std::size_t u = 0; u < layer.units; ++u) {
            std::vector<std::string> row{csv_field(layer.name), std::to_string(u)};
            if (has_selectivity) {
                const auto& measured = layer.selectivity->measured;
                const auto& preferred = measured.preferred_class[u];
                row.insert(row.end(), {csv_field(measured.index[u]),
                                       preferred ? csv_field(layer.selectivity->label_text(*preferred)) : "",
                                       csv_field(measured.mu_max[u]), csv_field(measured.mu_rest[u])});
            }
            if (compared) row.push_back(csv_field(layer.comparison->selectivity->measured.index[u]));
            for (const unit_column& column : columns) row.push_back(csv_field(column.values[u]));
            text += csv_line(row);
        }
    }
    return text;
}

std::string spectra_csv(const std::vector<layer_report>& layers) {
    using repscope::analysis::spectrum_measures;
    if (layers.empty() || !layers.front().measures.contains_any(spectrum_measures)) return {};
    std::string text = "layer,component,eigenvalue,cumulated_share\n";
    for (const layer_report& layer : layers) {
        const auto& values = layer.dimensionality.spectrum;
        const double total = std::accumulate(values.begin(), values.end(), 0.0);
        double sum = 0.0;
        for (std::size_t k = 0; k < values.size(); ++k) {
            sum += values[k];
            text += csv_line(
                {csv_field(layer.name), std::to_string(k + 1), csv_field(values[k]), csv_field(sum / total)});
        }
    }
    return text;
}

} // namespace program
