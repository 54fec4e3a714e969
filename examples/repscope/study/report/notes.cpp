#include "study/report/notes.hpp"

#include "render/text_table.hpp"

#include <algorithm>

namespace program {

void add_study_notes(study_result& study, std::size_t classes) {
    const double chance = 1.0 / static_cast<double>(classes);
    double best = 0.0;
    std::size_t at_chance = 0;
    for (const auto& network : study.networks) {
        best = std::max(best, network.clean.accuracy);
        if (network.clean.accuracy < 2.0 * chance) ++at_chance;
    }
    if (at_chance == 0) return;
    const std::string of_all = std::to_string(at_chance) + " of " + std::to_string(study.networks.size());
    if (at_chance < study.networks.size()) {
        study.notes.push_back(of_all + " networks have an accuracy below " + fixed(2.0 * chance, 3) +
                              ", where chance is " + fixed(chance, 3) +
                              ": they learned next to nothing, and claims that include them are about that");
        return;
    }
    study.notes.push_back("no network learned anything: the highest accuracy is " + fixed(best, 3) +
                          ", chance is " + fixed(chance, 3) +
                          "; no claim can be judged, train on more images (--train) or for more epochs "
                          "(--epochs)");
    for (auto& claim : study.claims) claim.leave_unclear("no network is above chance");
}

std::string study_notes_text(const study_result& study) {
    std::string text;
    for (const auto& note : study.notes) text += "note: " + note + "\n";
    return text;
}

} // namespace program
