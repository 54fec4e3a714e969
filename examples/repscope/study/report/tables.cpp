#include "study/report/tables.hpp"

#include "render/csv.hpp"
#include "render/text_table.hpp"
#include "study/report/outcomes.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace program {

namespace {

using json = nlohmann::ordered_json;

double number(const json& value) {
    if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
    return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

// Numbers directly in an object, and those one level below as "components_95".
void append_rows(std::string& out, const std::string& before, const json& object) {
    for (const auto& [key, value] : object.items()) {
        if (value.is_object()) {
            for (const auto& [threshold, inner] : value.items()) {
                out += before + key + "_" + threshold + "," +
                       (inner.is_null() ? "" : shortest(number(inner))) + "\n";
            }
        } else if (value.is_number() || value.is_boolean() || value.is_null()) {
            out += before + key + "," + (value.is_null() ? "" : shortest(number(value))) + "\n";
        }
    }
}

// Every number of a layer, those of its parts with the name of the part in front.
void append_layer(std::string& out, const std::string& row, const json& layer) {
    if (layer.contains("selectivity")) append_rows(out, row + "selectivity_", layer["selectivity"]);
    append_rows(out, row, layer["dimensionality"]);
    if (layer.contains("gradient")) {
        for (const auto& [norm, numbers] : layer["gradient"].items()) {
            append_rows(out, row + "gradient_" + norm + "_", numbers);
        }
    }
    if (layer.contains("change")) {
        append_rows(out, row + "change_", layer["change"]["dimensionality"]);
        out += row + "change_relative_size," + shortest(number(layer["change"]["relative_size"])) + "\n";
    }
    if (layer.contains("full")) append_layer(out, row + "full_", layer["full"]);
}

struct spread {
    std::vector<double> values;
    [[nodiscard]] double mean() const {
        double sum = 0.0;
        for (const double value : values) sum += value;
        return sum / static_cast<double>(values.size());
    }
    [[nodiscard]] double deviation() const {
        double sum = 0.0;
        for (const double value : values) sum += (value - mean()) * (value - mean());
        return std::sqrt(sum / static_cast<double>(values.size() - 1));
    }
    [[nodiscard]] std::string text(int digits) const {
        if (values.empty()) return "-";
        return fixed(mean(), digits) + (values.size() < 2 ? "" : " +- " + fixed(deviation(), digits));
    }
};

// Mean of a number of the gradients over the layers of a clean condition.
double gradient_mean(const json& layers, const char* quantity) {
    double sum = 0.0;
    for (const auto& layer : layers) sum += number(layer["gradient"]["l2"][quantity]);
    return sum / static_cast<double>(layers.size());
}

using networks_by_alpha = std::map<double, std::vector<const json*>>;

// What perturbations do: a row an alpha; empty when none was measured.
std::string perturbed_table(const networks_by_alpha& by_alpha) {
    const json& first = *by_alpha.begin()->second.front();
    std::vector<std::string> header{"alpha"};
    const bool corrupted = !first["mean_corruption_accuracy"].is_null();
    const bool differentiated = first["conditions"][0]["layers"][0].contains("gradient");
    if (corrupted) header.insert(header.end(), {"corrupted", "without frost"});
    std::vector<std::size_t> attacks;
    for (std::size_t k = 0; k < first["conditions"].size(); ++k) {
        const json& condition = first["conditions"][k];
        if (condition["kind"] != "attack" || condition["name"] != "pgd") continue;
        attacks.push_back(k);
        header.push_back("PGD " + shortest(in_255ths(number(condition["eps"]))) + "/255");
    }
    if (differentiated) header.insert(header.end(), {"gradient CV, samples", "units"});
    if (header.size() == 1) return "";
    text_table table(header, 0);
    for (const auto& [alpha, networks] : by_alpha) {
        std::vector<std::string> row{shortest(alpha)};
        const auto add = [&, &those = networks](auto&& value) {
            spread over;
            for (const json* network : those) over.values.push_back(value(*network));
            row.push_back(over.text(3));
        };
        if (corrupted) {
            for (const char* which : {"all", "without_frost"}) {
                add([&](const json& network) { return number(network["mean_corruption_accuracy"][which]); });
            }
        }
        for (const std::size_t k : attacks) {
            add([&](const json& network) { return number(network["conditions"][k]["accuracy"]); });
        }
        if (differentiated) {
            for (const char* which : {"cv_samples", "cv_units"}) {
                add([&](const json& network) {
                    return gradient_mean(network["conditions"][0]["layers"], which);
                });
            }
        }
        table.add_row(std::move(row));
    }
    return "\n" + table.text() +
           "accuracy over the corruptions and severities and under attack, all images counted; coefficient "
           "of\n"
           "variation of the gradients of units with respect to the image, mean over layers\n";
}

} // namespace

std::string condition_label(const json& condition) {
    std::string label = condition["kind"].get<std::string>();
    if (condition.contains("name")) label += "/" + condition["name"].get<std::string>();
    if (condition.contains("severity")) label += "/" + shortest(number(condition["severity"]));
    // In 255ths, as --eps takes them.
    if (condition.contains("eps")) label += "/" + shortest(in_255ths(number(condition["eps"])));
    return label;
}

std::string study_csv(const json& study) {
    std::string out = "alpha,seed,condition,layer,quantity,value\n";
    for (const auto& network : study["networks"]) {
        const std::string cell =
            shortest(number(network["alpha"])) + "," + shortest(number(network["seed"])) + ",";
        for (const char* key : {"selectivity_mean", "train_seconds", "images_per_second"}) {
            out += cell + ",," + key + "," + shortest(number(network[key])) + "\n";
        }
        for (const auto& [key, value] : network["mean_corruption_accuracy"].items()) {
            out += cell + ",,mean_corruption_accuracy_" + key + "," + shortest(number(value)) + "\n";
        }
        for (const auto& condition : network["conditions"]) {
            const std::string place = cell + csv_field(condition_label(condition)) + ",";
            for (const char* key : {"accuracy", "mean_l2", "mean_linf"}) {
                if (condition.contains(key))
                    out += place + "," + key + "," + shortest(number(condition[key])) + "\n";
            }
            for (const auto& layer : condition["layers"]) {
                append_layer(out, place + csv_field(layer["name"].get<std::string>()) + ",", layer);
            }
        }
    }
    return out;
}

std::string study_table(const json& study) {
    networks_by_alpha by_alpha;
    for (const auto& network : study["networks"]) by_alpha[number(network["alpha"])].push_back(&network);
    if (by_alpha.empty()) return "";

    const json& layers_of_first = study["networks"][0]["conditions"][0]["layers"];
    std::vector<std::string> header{"alpha", "networks", "accuracy", "selectivity"};
    for (const auto& layer : layers_of_first) header.push_back(layer["name"].get<std::string>());
    header.insert(header.end(), {"95 % early", "95 % late"});
    text_table table(header, 0);
    for (const auto& [alpha, networks] : by_alpha) {
        const std::size_t layers = layers_of_first.size();
        const std::size_t early = layers / 2;
        spread accuracy, selectivity, share_early, share_late;
        std::vector<spread> by_layer(layers);
        for (const json* network : networks) {
            const json& clean = (*network)["conditions"][0];
            accuracy.values.push_back(number((*network)["clean_accuracy"]));
            selectivity.values.push_back(number((*network)["selectivity_mean"]));
            for (std::size_t l = 0; l < layers; ++l) {
                by_layer[l].values.push_back(number(clean["layers"][l]["selectivity"]["mean"]));
            }
            const char* measure = "components_interpolated";
            if (early > 0)
                share_early.values.push_back(mean_dimensionality(clean["layers"], measure, 0, early));
            share_late.values.push_back(mean_dimensionality(clean["layers"], measure, early, layers));
        }
        std::vector<std::string> row{shortest(alpha), std::to_string(networks.size()), accuracy.text(3),
                                     selectivity.text(3)};
        for (const auto& layer : by_layer) row.push_back(fixed(layer.mean(), 3));
        row.push_back(share_early.text(3));
        row.push_back(share_late.text(3));
        table.add_row(std::move(row));
    }
    return table.text() +
           "accuracy and selectivity on the clean test set, selectivity of each layer, and the share of "
           "units that\n"
           "95 % of the variance takes in early and late layers; mean +- standard deviation over seeds\n" +
           perturbed_table(by_alpha);
}

} // namespace program
