#include "measure_result.hpp"

#include "output_file.hpp"
#include "text_table.hpp"
#include "versions.hpp"

#include <cstdio>

namespace program {

void publish(const measure_result& result, const std::string& json) {
    const bool has_selectivity = !result.layers.empty() && result.layers.front().selectivity.has_value();
    std::string text = "no --labels: dimensionality only, no selectivity\n";
    if (has_selectivity) {
        const auto& selectivity = *result.layers.front().selectivity;
        text = "selectivity of " + std::to_string(selectivity.class_labels.size()) + " classes, epsilon " +
               shortest(selectivity.epsilon) + ", signed: " + selectivity.signed_values + "\n";
    }
    std::string notes;
    for (const auto& layer : result.layers) {
        for (const auto& note : notes_on(layer)) notes += "note: " + layer.name + ": " + note + "\n";
    }
    if (!json.empty()) {
        nlohmann::ordered_json object;
        object["schema"] = "repscope.measure/1";
        object["repscope"] = version_text();
        object["command"] = "measure";
        object["options"] = result.options;
        object["layers"] = nlohmann::ordered_json::array();
        for (const auto& layer : result.layers) object["layers"].push_back(to_json(layer));
        write_output(json, object.dump(1) + "\n");
    }
    if (json == "-") { // standard output is the machine's, people still get the notes
        std::fputs((has_selectivity ? notes : text + notes).c_str(), stderr);
    } else {
        print(text + layer_table(result.layers) + notes);
    }
}

} // namespace program
