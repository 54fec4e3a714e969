#include "measure/csv.hpp"

#include "render/csv.hpp"

#include <nlohmann/json.hpp>
#include <numeric>

namespace program {

namespace {

using json = nlohmann::ordered_json;

void flatten(const json& object, const std::string& prefix, std::vector<std::string>& names,
             std::vector<std::string>& values) {
    for (const auto& [key, value] : object.items()) {
        const std::string name = prefix.empty() ? key : prefix + "." + key;
        if (value.is_object()) {
            flatten(value, name, names, values);
        } else if (!value.is_array() && !(value.is_null() && key == "selectivity")) {
            names.push_back(name);
            values.push_back(value.is_string()         ? csv_field(value.get<std::string>())
                             : value.is_number_float() ? csv_field(value.get<double>())
                             : value.is_null()         ? std::string()
                                                       : value.dump());
        }
    }
}

} // namespace

std::string layers_csv(const std::vector<layer_report>& layers) {
    std::string text;
    for (const layer_report& layer : layers) {
        std::vector<std::string> names, values;
        flatten(to_json(layer), {}, names, values);
        if (text.empty()) text = csv_line(names);
        text += csv_line(values);
    }
    return text;
}

std::string units_csv(const std::vector<layer_report>& layers) {
    if (layers.empty() || !layers.front().selectivity) return {};
    const bool compared = layers.front().comparison.has_value();
    std::string text = "layer,unit,index,preferred_class,mu_max,mu_rest";
    text += compared ? ",perturbed_index\n" : "\n";
    for (const layer_report& layer : layers) {
        const selectivity_report& report = *layer.selectivity;
        const auto& measured = report.measured;
        for (std::size_t u = 0; u < layer.units; ++u) {
            const auto& preferred = measured.preferred_class[u];
            std::vector<std::string> row{
                csv_field(layer.name),         std::to_string(u),
                csv_field(measured.index[u]),  preferred ? csv_field(report.label_text(*preferred)) : "",
                csv_field(measured.mu_max[u]), csv_field(measured.mu_rest[u])};
            if (compared) row.push_back(csv_field(layer.comparison->selectivity->measured.index[u]));
            text += csv_line(row);
        }
    }
    return text;
}

std::string spectra_csv(const std::vector<layer_report>& layers) {
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
