#include "analyze/tables.hpp"

#include "render/text_table.hpp"
#include "study/report/outcomes.hpp"
#include "support/format.hpp"
#include "support/plural.hpp"

#include <repscope/statistics/summary.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

// The number at a path such as "/selectivity/mean"; NaN if it is null or absent.
double number_at(const json& object, const char* path) {
    const json::json_pointer pointer(path);
    if (!object.contains(pointer) || !object.at(pointer).is_number()) return no_value;
    return object.at(pointer).get<double>();
}

std::string interval_at(const json& object, const char* path, int digits) {
    const json::json_pointer pointer(path);
    if (!object.contains(pointer)) return "-";
    const json& bounds = object.at(pointer);
    if (!bounds.is_array() || bounds.size() != 2 || !bounds[0].is_number()) return "-";
    return fixed(bounds[0].get<double>(), digits) + " .. " + fixed(bounds[1].get<double>(), digits);
}

// A condition as a row of the table, and the mean accuracy of its conditions in each model.
using accuracy_rows = std::vector<std::pair<std::string, std::vector<repscope::running_mean>>>;

void add_accuracy(accuracy_rows& rows, const std::string& name, std::size_t model, std::size_t models,
                  double accuracy) {
    auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& each) { return each.first == name; });
    if (row == rows.end()) {
        rows.emplace_back(name, std::vector<repscope::running_mean>(models));
        row = rows.end() - 1;
    }
    row->second[model].add(accuracy);
}

std::string row_name(const condition_result& condition) {
    return condition.kind == condition_kind::corruption ? condition.name : condition_label(condition);
}

std::string text_of(const table_rows& rows) {
    text_table table(rows[0], 1);
    for (std::size_t r = 1; r < rows.size(); ++r) table.add_row(rows[r]);
    return table.text();
}

} // namespace

table_rows layer_rows(const model_result& model) {
    table_rows rows{{"layer", "units", "selectivity", "null", "cross-fit", "95 % interval", "PR", "95 % dim.",
                     "NC1", "separation", "gradient CV", "ablation rho"}};
    const json& layers = model.json["conditions"][0]["layers"];
    const json& ablation = model.json["ablation"];
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const json& layer = layers[l];
        rows.push_back(
            {layer["name"].get<std::string>(), fixed(number_at(layer, "/units"), 0),
             fixed(number_at(layer, "/selectivity/mean"), 3),
             fixed(number_at(layer, "/selectivity/null_mean"), 3),
             fixed(number_at(layer, "/selectivity/cross_fit/mean"), 3),
             interval_at(layer, "/selectivity/cross_fit/ci", 3),
             fixed(number_at(layer, "/dimensionality/participation_ratio_unbiased"), 2),
             fixed(number_at(layer, "/dimensionality/components_interpolated/95"), 1),
             fixed(number_at(layer, "/geometry/nc1"), 3),
             fixed(number_at(layer, "/geometry/class_separation"), 3),
             fixed(number_at(layer, "/gradient/l2/cv_samples"), 3),
             ablation.is_null() ? "-" : fixed(number_at(ablation["layers"][l], "/rank_correlation"), 2)});
    }
    return rows;
}

table_rows conditions_rows(const std::vector<model_result>& models) {
    accuracy_rows rows;
    for (std::size_t m = 0; m < models.size(); ++m) {
        const network_result& network = models[m].network;
        add_accuracy(rows, std::string(clean_label), m, models.size(), network.clean.accuracy);
        if (const auto& means = network.mean_corruption_accuracy)
            add_accuracy(rows, "all corruptions", m, models.size(), means->all);
        for (const condition_result& condition : network.conditions)
            add_accuracy(rows, row_name(condition), m, models.size(), condition.accuracy);
    }
    std::vector<std::string> header{"accuracy"};
    for (const model_result& model : models) header.push_back(model.name);
    table_rows cells_of_rows{header};
    for (const auto& [name, means] : rows) {
        std::vector<std::string> cells{name};
        for (const repscope::running_mean& mean : means)
            cells.push_back(mean.count() == 0 ? "-" : fixed(mean.value(), 4));
        cells_of_rows.push_back(std::move(cells));
    }
    return cells_of_rows;
}

std::string columns_text() {
    return "PR: participation ratio, unbiased; 95 % dim.: components that hold 95 % of the variance; NC1: "
           "within-class\n"
           "over between-class variability; gradient CV: coefficient of variation over inputs of the norms "
           "of the\n"
           "gradients of units with respect to the input; ablation rho: rank correlation of the selectivity "
           "of a unit\n"
           "and the loss of accuracy without it\n";
}

std::string analysis_tables(const analysis_result& analysis) {
    std::string text;
    for (const model_result& model : analysis.models) {
        const clean_result& clean = model.network.clean;
        text += model.name + ": accuracy " + fixed(clean.accuracy, 4) + " on " +
                counted(clean.images, "input") + "\n" + text_of(layer_rows(model)) + "\n";
    }
    text += columns_text() + "\n";
    text += text_of(conditions_rows(analysis.models));
    text += "a corruption: mean over its severities; attack/NAME/EPS and random/EPS: EPS in 255ths;\n"
            "each on its own number of inputs\n";
    for (const std::string& note : analysis.notes) text += "note: " + note + "\n";
    return text;
}

} // namespace program
