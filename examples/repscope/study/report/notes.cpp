#include "study/report/notes.hpp"

#include "render/text_table.hpp"
#include "study/report/outcomes.hpp"
#include "study/settings.hpp"

#include <algorithm>
#include <cmath>

namespace program {

namespace {

std::string verdict_of(const study_claim& claim) {
    return std::string(to_string(claim.result.holds.value_or(repscope::verdict::unclear)));
}

// Claims whose verdict depends on which attack judges them.
void add_verdict_notes(study_result& study) {
    for (const auto& by_autoattack : study.claims) {
        const std::size_t end = by_autoattack.id.find("-autoattack");
        if (end == std::string::npos) continue;
        const std::string id = by_autoattack.id.substr(0, end);
        for (const auto& by_pgd : study.claims) {
            if (by_pgd.id != id || verdict_of(by_pgd) == verdict_of(by_autoattack)) continue;
            study.notes.push_back("claim " + id + " depends on the attack: " + verdict_of(by_pgd) +
                                  " under PGD, " + verdict_of(by_autoattack) + " under AutoAttack");
        }
    }
}

// By how much PGD is above AutoAttack, or why this is not known.
void add_excess_notes(study_result& study) {
    const auto& attacks = study.options.attacks;
    const bool is_chosen = std::find(attacks.begin(), attacks.end(), "autoattack") != attacks.end();
    if (is_chosen && study.options.attack_images > 0 && study.options.autoattack_eps.empty()) {
        study.notes.emplace_back(
            "AutoAttack is left out: its eps is that of claim 2, which takes networks of "
            "alpha 0 (--alphas); --autoattack-eps states another");
    }
    for (const double size : study.options.autoattack_eps) {
        double sum = 0.0, lowest = 1.0, highest = -1.0, counted = 0.0;
        for (const network_result& network : study.networks) {
            const double excess = excess_of_pgd(network, size / 255.0);
            if (!std::isfinite(excess)) continue;
            ++counted;
            sum += excess;
            lowest = std::min(lowest, excess);
            highest = std::max(highest, excess);
        }
        if (counted == 0.0) continue;
        study.notes.push_back("PGD of " + std::to_string(study.options.attack_steps) +
                              " steps overestimates robust accuracy at " + shortest(size) + "/255 by " +
                              fixed(sum / counted, 3) + " on average (" + fixed(lowest, 3) + " to " +
                              fixed(highest, 3) + "), against AutoAttack on the same " +
                              std::to_string(study.options.autoattack_images) + " images");
    }
}

} // namespace

std::vector<std::string> autoattack_notes(const std::vector<const network_result*>& networks,
                                          const std::vector<std::string>& names) {
    struct warned {
        std::string text;
        std::size_t conditions = 0;
        std::string first;
    };
    std::vector<warned> warnings;
    for (std::size_t n = 0; n < networks.size(); ++n) {
        for (const condition_result& condition : networks[n]->conditions) {
            for (const std::string& text : condition.warnings) {
                auto known = std::find_if(warnings.begin(), warnings.end(),
                                          [&](const warned& each) { return each.text == text; });
                if (known == warnings.end()) {
                    warnings.push_back({text, 0, names[n] + ", " + condition_label(condition)});
                    known = warnings.end() - 1;
                }
                ++known->conditions;
            }
        }
    }
    std::vector<std::string> notes;
    for (const warned& each : warnings) {
        notes.push_back(
            "AutoAttack: " + each.text + " (" + each.first +
            (each.conditions == 1 ? "" : ", and " + std::to_string(each.conditions - 1) + " more") + ")");
    }
    return notes;
}

void add_study_notes(study_result& study, std::size_t classes) {
    std::vector<const network_result*> networks;
    std::vector<std::string> names;
    for (const network_result& network : study.networks) {
        networks.push_back(&network);
        names.push_back(cell_name({network.alpha, network.seed}));
    }
    study.notes = autoattack_notes(networks, names);
    add_verdict_notes(study);
    add_excess_notes(study);
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
                              ": they learned almost nothing, which decides the claims that include them");
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
