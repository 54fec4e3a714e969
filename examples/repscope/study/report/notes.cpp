#include "study/report/notes.hpp"

#include "render/text_table.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace program {

using json = nlohmann::ordered_json;

void add_study_notes(json& study, std::size_t classes) {
    study["notes"] = json::array();
    const double chance = 1.0 / static_cast<double>(classes);
    const json& networks = study["networks"];
    double best = 0.0;
    std::size_t at_chance = 0;
    for (const auto& network : networks) {
        const double accuracy = network["clean_accuracy"];
        best = std::max(best, accuracy);
        if (accuracy < 2.0 * chance) ++at_chance;
    }
    if (at_chance == 0) return;
    const std::string of_all = std::to_string(at_chance) + " of " + std::to_string(networks.size());
    if (at_chance < networks.size()) {
        study["notes"].push_back(
            of_all + " networks have an accuracy below " + fixed(2.0 * chance, 3) + ", where chance is " +
            fixed(chance, 3) + ": they learned next to nothing, and claims that include them are about that");
        return;
    }
    study["notes"].push_back("no network learned anything: the highest accuracy is " + fixed(best, 3) +
                             ", chance is " + fixed(chance, 3) +
                             "; no claim can be judged, train on more images (--train) or for more epochs "
                             "(--epochs)");
    for (auto& claim : study["claims"]) {
        claim["holds"] = "unclear";
        claim["reason"] = "no network is above chance";
    }
}

std::string study_notes_text(const json& study) {
    std::string text;
    if (!study.contains("notes")) return text;
    for (const auto& note : study["notes"]) text += "note: " + note.get<std::string>() + "\n";
    return text;
}

} // namespace program
