#include "analyze/json.hpp"

#include "render/csv.hpp"
#include "study/report/outcomes.hpp"
#include "support/format.hpp"

#include <cmath>
#include <cstddef>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

// The numbers inside of an object, except for those of its arrays; a line for each.
void add_numbers(std::string& out, const std::string& before, const std::string& prefix, const json& object) {
    for (const auto& [key, value] : object.items()) {
        const std::string name = prefix + key;
        if (value.is_object()) {
            add_numbers(out, before, name + "_", value);
        } else if (value.is_boolean()) {
            out += before + name + "," + (value.get<bool>() ? "1" : "0") + "\n";
        } else if (value.is_number()) {
            const double number = value.get<double>();
            out += before + name + "," + (std::isfinite(number) ? shortest(number) : "") + "\n";
        }
    }
}

void add_layers(std::string& out, const std::string& before, const json& layers) {
    for (const json& layer : layers)
        add_numbers(out, before + csv_field(layer["name"].get<std::string>()) + ",", "", layer);
}

} // namespace

std::string analysis_text(const analysis_result& analysis) {
    json whole = analysis.head;
    whole["models"] = json::array();
    for (const model_result& model : analysis.models) whole["models"].push_back(model.json);
    whole["notes"] = analysis.notes;
    return whole.dump(1) + "\n";
}

std::string analysis_csv(const analysis_result& analysis) {
    std::string out = "model,condition,layer,quantity,value\n";
    for (const model_result& model : analysis.models) {
        const std::string name = csv_field(model.name) + ",";
        json whole = model.json;
        const json conditions = std::move(whole["conditions"]);
        const json ablation = std::move(whole["ablation"]);
        for (const char* key : {"conditions", "reference", "ablation", "classes"}) whole.erase(key);
        add_numbers(out, name + ",,", "", whole);
        for (std::size_t c = 0; c < conditions.size(); ++c) {
            const std::string label =
                c == 0 ? std::string(clean_label) : condition_label(model.network.conditions[c - 1]);
            const std::string before = name + csv_field(label) + ",";
            json numbers;
            for (const char* key : {"images", "accuracy", "mean_l2", "mean_linf"}) {
                if (conditions[c].contains(key)) numbers[key] = conditions[c][key];
            }
            add_numbers(out, before + ",", "", numbers);
            add_layers(out, before, conditions[c]["layers"]);
        }
        if (!ablation.is_null()) add_layers(out, name + "ablation,", ablation["layers"]);
    }
    return out;
}

} // namespace program
