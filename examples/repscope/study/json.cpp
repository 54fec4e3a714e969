#include "study/json.hpp"

#include "study/network_json.hpp"
#include "study/recipe.hpp"
#include "support/errors.hpp"
#include "support/versions.hpp"

#include <repscope/selectivity/regularizer.hpp>

#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

json attack_claim_json(const attack_claim& attack) {
    json rows = json::array();
    for (const attack_size_result& row : attack.by_eps) {
        rows.push_back({{"eps", row.eps},
                        {"correlation", row.correlation},
                        {"largest_drop_by_margin_loss", row.largest_drop_by_margin_loss},
                        {"floor", row.floor}});
    }
    return rows;
}

json equivalence_json(const alpha_equivalence& row) {
    const repscope::crossed_difference& difference = row.result.difference;
    return {{"alpha", row.alpha},
            {"estimate", difference.mean.estimate},
            {"ci", {difference.mean.range.low, difference.mean.range.high}},
            {"holds", to_string(row.result.holds)},
            {"per_seed", row.result.per_block},
            {"seed_error", difference.block_error},
            {"image_error", difference.item_error}};
}

json claim_json(const study_claim& claim) {
    const repscope::claim_result& result = claim.result;
    json object{{"id", claim.id},
                {"statement", claim.statement},
                {"estimate", result.estimate},
                {"per_seed", result.per_block},
                {"p", result.p_value},
                {"p_holm", result.adjusted_p_value},
                {"test", claim.test},
                {"at_floor", result.at_floor},
                {"claimed_sign", result.claimed_sign},
                {"seeds", result.blocks},
                {"networks", claim.networks},
                {"images", claim.images},
                {"holds", to_string(result.holds.value_or(repscope::verdict::unclear))}};
    if (const auto& slope = claim.slope_per_tenth) {
        object["slope_per_tenth"]["estimate"] = slope->estimate;
        if (slope->ci) object["slope_per_tenth"]["ci"] = {slope->ci->low, slope->ci->high};
    }
    if (claim.ci) object["ci"] = {claim.ci->low, claim.ci->high};
    if (claim.reason_from_test) object["reason"] = claim.reason;
    if (const auto& attack = claim.attack) object["primary_eps"] = attack->primary_eps;
    if (claim.image_error) object["image_error"] = *claim.image_error;
    if (const auto& attack = claim.attack) {
        object["ordering_turns_at"] = attack->ordering_turns_at;
        object["by_eps"] = attack_claim_json(*attack);
    }
    if (const auto& equivalence = claim.equivalence) {
        object["alphas"] = json::array();
        for (const auto& row : equivalence->alphas) object["alphas"].push_back(equivalence_json(row));
        object["range"] = {equivalence->lowest, equivalence->highest};
    }
    if (!claim.reason.empty()) object["reason"] = claim.reason;
    return object;
}

json data_json(const data_summary& data) {
    json object;
    object["name"] = data.name;
    object["train"] = data.train;
    object["test"] = data.test;
    object["sha256"] = data.sha256;
    return object;
}

json conditions_json(const condition_options& options) {
    json object;
    object["corruption_images"] = options.corruption_images;
    object["attack_images"] = options.attack_images;
    object["gradient_images"] = options.gradient_images;
    object["compared_images"] = options.compared_images;
    object["eps"] = options.eps;
    object["attack_steps"] = options.attack_steps;
    object["frost"] = options.frost;
    if (!options.attacks.empty()) object["attacks"] = options.attacks;
    if (options.autoattack_images > 0) object["autoattack_images"] = options.autoattack_images;
    if (!options.autoattack_eps.empty()) object["autoattack_eps"] = options.autoattack_eps;
    if (options.distance_images > 0) object["distance_images"] = options.distance_images;
    return object;
}

json training_json(std::size_t epochs) {
    json object;
    object["epochs"] = epochs;
    object["batch"] = recipe::batch_size;
    object["optimizer"] = "sgd";
    object["rate"] = recipe::peak_rate;
    object["warmup_steps"] = recipe::warmup;
    object["schedule"] = "cosine";
    object["momentum"] = recipe::momentum;
    object["weight_decay"] = recipe::weight_decay;
    object["epsilon"] = repscope::selectivity_regularizer{}.epsilon;
    return object;
}

json options_json(const study_result& study) {
    json object{{"alphas", study.alphas}, {"seeds", study.seeds}, {"dump", study.dump}};
    object.update(conditions_json(study.options));
    return object;
}

setting_list settings_of(const json& object) {
    setting_list settings;
    for (const auto& [key, value] : object.items()) {
        if (value.is_null() || (value.is_array() && value.empty())) continue;
        settings.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
    }
    return settings;
}

} // namespace

json training_json(const study_settings& settings) { return training_json(settings.epochs); }

std::string study_text(const study_result& study) {
    json whole;
    whole["schema"] = "repscope.study/1";
    whole["repscope"] = study.version;
    whole["commit"] = study.commit;
    whole["command"] = "study";
    whole["data"] = data_json(study.data);
    whole["network"] = study.network;
    whole["training"] = training_json(study.epochs);
    whole["options"] = options_json(study);
    whole["networks"] = json::array();
    for (const auto& network : study.networks)
        whole["networks"].push_back(network_json(network, image_results::omitted));
    whole["claims"] = json::array();
    for (const auto& claim : study.claims) whole["claims"].push_back(claim_json(claim));
    whole["notes"] = study.notes;
    return whole.dump(1) + "\n";
}

study_store open_study(const study_settings& settings, const data_summary& data,
                       const condition_options& conditions) {
    // Everything that decides the numbers of a network, apart from its alpha and seed. AutoAttack has files
    // of its own.
    condition_options before_autoattack = conditions;
    before_autoattack.autoattack_images = 0;
    before_autoattack.autoattack_eps.clear();
    std::erase(before_autoattack.attacks, "autoattack");
    if (before_autoattack.attacks == condition_settings{}.attacks) before_autoattack.attacks.clear();
    json made_with;
    made_with["repscope"] = version_text();
    made_with["data"] = data_json(data);
    made_with["network"] = settings.network;
    made_with["training"] = training_json(settings);
    made_with["conditions"] = conditions_json(before_autoattack);
    return {settings, std::move(made_with)};
}

std::optional<network_result> finished_network(const study_store& store, const study_settings& settings,
                                               const study_cell& cell) {
    const std::optional<json> stored = store.finished(cell_name(cell));
    if (!stored) return std::nullopt;
    network_result network;
    try {
        network = network_from_json(*stored);
    } catch (const std::exception&) { // of nlohmann, and of `unpacked`
        throw data_error(store.path_of(cell_name(cell)),
                         "is not a finished network of a study; remove it and run again");
    }
    if (settings.dump) {
        std::error_code none;
        for (const auto& layer : network.clean.layers) {
            if (!layer.report.file || !std::filesystem::exists(*layer.report.file, none)) return std::nullopt;
        }
    }
    return network;
}

void keep_network(const study_store& store, const network_result& network) {
    store.keep(cell_name({network.alpha, network.seed}), network_json(network, image_results::written));
}

setting_list data_settings(const study_result& study) { return settings_of(data_json(study.data)); }
setting_list training_settings(const study_result& study) { return settings_of(training_json(study.epochs)); }
setting_list option_settings(const study_result& study) { return settings_of(options_json(study)); }

} // namespace program
