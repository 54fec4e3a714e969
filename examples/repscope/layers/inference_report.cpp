#include "layers/inference_report.hpp"

#include "layers/report.hpp"
#include "render/text_table.hpp"
#include "support/errors.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace program {

namespace {

using json = nlohmann::ordered_json;
using repscope::analysis::null_method;
using repscope::analysis::trace_method;

json interval_json(const repscope::interval& ci) { return json::array({ci.low, ci.high}); }

// Where the count of significant units comes from.
std::string null_text(const inference_report& own) {
    const std::string corrected = ", Benjamini-Hochberg q <= .05\n";
    if (own.null == null_method::permutation) {
        const bool more = own.max_permutations > own.permutations;
        return "significant: of " + std::to_string(own.permutations) + " permutations of the labels" +
               (more ? ", more for units at the floor" : "") + corrected;
    }
    return "significant: of the sums of classes under shuffled labels, by saddlepoints" + corrected;
}

std::string interval_text(const repscope::interval& ci, int digits) {
    if (std::isnan(ci.low)) return "-";
    return fixed(ci.low, digits) + " .. " + fixed(ci.high, digits);
}

} // namespace

void add_inference(nlohmann::ordered_json& layer, const layer_report& report) {
    const inference_report& own = *report.inference;
    if (own.cross_fit) {
        const auto& fitted = *own.cross_fit;
        json object;
        object["mean"] = fitted.mean;
        object["ci"] = interval_json(fitted.mean_ci);
        object["standard_error"] = fitted.mean_standard_error;
        object["null"] = own.null == null_method::permutation ? "permutation" : "saddlepoint";
        if (own.permutations != 0) {
            object["permutations"] = own.permutations;
            object["max_permutations"] = own.max_permutations;
        }
        object["significant_units"] = own.significant_units;
        object["tested_units"] = own.tested_units;
        object["samples"] = fitted.samples;
        object["classes"] = fitted.classes_used;
        object["folds"] = 5;
        object["blocks"] = own.blocks;
        object["state_bytes"] = own.state_bytes;
        object["silent_units"] = fitted.silent_units;
        object["undefined_units"] = fitted.undefined_units;
        object["index"] = fitted.index;
        object["index_ci"] = json::array();
        for (const auto& ci : fitted.ci) object["index_ci"].push_back(interval_json(ci));
        object["p_value"] = own.p_value;
        if (!own.null_95.empty()) object["null_95"] = own.null_95;
        object["agreement"] = fitted.agreement;
        layer["selectivity"]["cross_fit"] = std::move(object);
    }
    json& object = layer["dimensionality"];
    const auto& ratio = own.participation_ratio;
    if (own.method == trace_method::sketch) {
        for (auto& item : object.items()) item.value() = nullptr;
        object["participation_ratio"] = ratio.naive;
        object["participation_ratio_unbiased"] = ratio.unbiased;
        object["probes"] = own.probes;
    } else {
        object["participation_ratio_jackknife"] = ratio.jackknife;
    }
    object["method"] = own.method == trace_method::sketch ? "sketch" : "exact";
    object["se_log"] = ratio.se_log;
    object["ci"] = interval_json(ratio.ci);
    object["samples"] = ratio.samples;
}

std::string inference_table(const std::vector<layer_report>& layers) {
    const bool has_selectivity = layers.front().inference->cross_fit.has_value();
    std::vector<std::string> header{"estimates", "samples"};
    if (has_selectivity) header.insert(header.end(), {"cross-fit", "95 % interval", "significant"});
    header.insert(header.end(), {"PR unbiased", "95 % interval"});
    text_table table(header, 1);
    std::string sizes;
    bool sketched = false;
    for (const auto& layer : layers) {
        const inference_report& own = *layer.inference;
        std::vector<std::string> row{layer.name, std::to_string(own.participation_ratio.samples)};
        if (has_selectivity) {
            row.push_back(fixed(own.cross_fit->mean, 3));
            row.push_back(interval_text(own.cross_fit->mean_ci, 3));
            row.push_back(std::to_string(own.significant_units) + " of " + std::to_string(own.tested_units));
            sizes += (sizes.empty() ? "" : ", ") + on_one_line(layer.name) + " " +
                     byte_count(static_cast<double>(own.state_bytes));
        }
        const bool by_sketch = own.method == trace_method::sketch;
        sketched = sketched || by_sketch;
        row.push_back(fixed(own.participation_ratio.unbiased, 2));
        row.push_back(interval_text(own.participation_ratio.ci, 2) + (by_sketch ? " (sketch)" : ""));
        table.add_row(std::move(row));
    }
    std::string text = table.text();
    if (has_selectivity) text += null_text(*layers.front().inference);
    if (!sizes.empty()) text += "state of the cross-fit index, 20 blocks: " + sizes + "\n";
    if (sketched) text += "(sketch): the interval is that of the random probes alone\n";
    return text;
}

} // namespace program
