#include "methods/json.hpp"

#include "layers/json.hpp"
#include "methods/eman.hpp"
#include "study/json.hpp"
#include "study/per_image.hpp"
#include "support/errors.hpp"
#include "support/versions.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

namespace program {

namespace {

using json = nlohmann::ordered_json;

// Whether an object has the results of single images.
enum class image_part { written, omitted };

double number_in(const json& object, const char* key) {
    const json& value = object.at(key);
    return value.is_null() ? undefined_number : value.get<double>();
}

// A number that not every object has.
double number_if_any(const json& object, const char* key) {
    return object.contains(key) ? number_in(object, key) : undefined_number;
}

std::vector<bool> bits_in(const json& object, const char* key) {
    return unpacked(object.at(key).get<std::string>());
}

json named_json(const named_numbers& numbers) {
    json object;
    for (const auto& [name, value] : numbers) object[name] = value;
    return object;
}

named_numbers named_from(const json& object) {
    named_numbers numbers;
    for (const auto& [name, value] : object.items())
        numbers.emplace_back(name, number_in(object, name.c_str()));
    return numbers;
}

json settings_json(const method_settings& settings) {
    json object;
    for (const auto& [name, value] : settings) {
        object[name] = std::visit([](const auto& held) { return json(held); }, value);
    }
    return object;
}

method_settings settings_from(const json& object) {
    method_settings settings;
    for (const auto& [name, value] : object.items()) {
        if (value.is_string())
            settings.emplace_back(name, value.get<std::string>());
        else if (value.is_number_unsigned())
            settings.emplace_back(name, value.get<std::size_t>());
        else
            settings.emplace_back(name, value.get<double>());
    }
    return settings;
}

void write_cost(json& object, const training_cost& cost) {
    object["train_seconds"] = cost.seconds;
    object["images_per_second"] = cost.images_per_second;
    object["predicted_factor"] = cost.predicted_factor;
}

training_cost cost_from(const json& object) {
    return {number_in(object, "train_seconds"), number_in(object, "images_per_second"),
            number_in(object, "predicted_factor")};
}

// `correct` is written under "right"; other conditions of the network follow there.
void write_clean(json& object, const clean_measures& clean, image_part images) {
    object["clean_accuracy"] = clean.accuracy;
    if (images == image_part::written) object["right"]["clean"] = packed(clean.correct);
    object["selectivity_mean"] = clean.selectivity_mean;
    object["layers"] = json::array();
    for (const layer_report& layer : clean.layers) object["layers"].push_back(to_json(layer));
}

clean_measures clean_from(const json& object) {
    clean_measures clean{number_in(object, "clean_accuracy"),
                         bits_in(object.at("right"), "clean"),
                         number_in(object, "selectivity_mean"),
                         {}};
    for (const json& layer : object.at("layers")) clean.layers.push_back(layer_from_json(layer));
    return clean;
}

void write_robustness(json& object, const robustness_measures& robust, image_part images) {
    object["corruption_accuracy"] = robust.corruption_accuracy;
    object["corruptions"] = named_json(robust.corruptions);
    json& attacked = object["robust"];
    attacked["images"] = robust.images;
    for (const ball_measures& ball : robust.balls) {
        attacked[ball.norm] = {
            {"eps", ball.eps}, {"cross_entropy", ball.cross_entropy}, {"accuracy", ball.accuracy}};
        if (robust.autoattack_images > 0) attacked[ball.norm]["autoattack"] = ball.autoattack;
    }
    attacked["all"] = {{"accuracy", robust.accuracy}};
    if (robust.autoattack_images > 0) {
        attacked["all"]["autoattack"] = robust.autoattack;
        attacked["autoattack_images"] = robust.autoattack_images;
    }
    if (images == image_part::omitted) return;
    for (const ball_measures& ball : robust.balls) {
        object["right"][ball.norm] = packed(ball.correct);
        if (robust.autoattack_images > 0)
            object["right"][ball.norm + "_autoattack"] = packed(ball.autoattack_correct);
    }
    object["right"]["all"] = packed(robust.correct);
}

robustness_measures robustness_from(const json& object) {
    robustness_measures robust;
    robust.corruption_accuracy = number_in(object, "corruption_accuracy");
    robust.corruptions = named_from(object.at("corruptions"));
    const json& attacked = object.at("robust");
    const json& right = object.at("right");
    robust.images = attacked.at("images").get<std::size_t>();
    for (const auto& [norm, ball] : attacked.items()) {
        if (!ball.is_object() || norm == "all") continue;
        ball_measures& measures =
            robust.balls.emplace_back(ball_measures{.norm = norm,
                                                    .eps = number_in(ball, "eps"),
                                                    .cross_entropy = number_in(ball, "cross_entropy"),
                                                    .accuracy = number_in(ball, "accuracy"),
                                                    .correct = bits_in(right, norm.c_str()),
                                                    .autoattack = number_if_any(ball, "autoattack"),
                                                    .autoattack_correct = {}});
        if (ball.contains("autoattack"))
            measures.autoattack_correct = bits_in(right, (norm + "_autoattack").c_str());
    }
    robust.accuracy = number_in(attacked.at("all"), "accuracy");
    robust.autoattack = number_if_any(attacked.at("all"), "autoattack");
    robust.autoattack_images = attacked.value("autoattack_images", std::size_t{0});
    robust.correct = bits_in(right, "all");
    return robust;
}

json network_json(const method_network& network, image_part images) {
    json object;
    object["method"] = network.method;
    object["seed"] = network.seed;
    object["settings"] = settings_json(network.settings);
    object["notes"] = named_json(network.notes);
    write_clean(object, network.clean, images);
    write_robustness(object, network.robust, images);
    write_cost(object, network.cost);
    return object;
}

void write_measures(json& object, const semi_supervised_measures& measured, image_part images) {
    object["train_images"] = measured.train_images;
    write_cost(object, measured.cost);
    if (!std::isnan(measured.unlabeled_kept)) object["unlabelled_kept"] = measured.unlabeled_kept;
    object["student_accuracy"] = measured.student_accuracy;
    write_clean(object, measured.clean, images);
}

void write_measures(json& object, const colored_measures& measured, image_part) {
    object["train_images"] = measured.train_images;
    for (const auto& each : measured.train) {
        object["train"].push_back({{"colour_flips", each.color_flips},
                                   {"accuracy", each.accuracy},
                                   {"risk", each.risk},
                                   {"penalty", each.penalty}});
    }
    write_cost(object, measured.cost);
    object["flipped"] = {{"accuracy", measured.flipped_accuracy}, {"risk", measured.flipped_risk}};
}

json gaps_json(const gap_measures& gaps) {
    return {{"accuracy", gaps.accuracy},
            {"equalised_odds_gap", gaps.equalized_odds},
            {"demographic_parity_gap", gaps.demographic_parity}};
}

gap_measures gaps_from(const json& object) {
    return {number_in(object, "accuracy"), number_in(object, "equalised_odds_gap"),
            number_in(object, "demographic_parity_gap")};
}

void write_measures(json& object, const attribute_measures& measured, image_part) {
    object["like_training"] = gaps_json(measured.like_training);
    object["misleading"] = gaps_json(measured.misleading);
}

json arm_json(const method_arm& arm, image_part images) {
    json object;
    object["arm"] = arm.arm;
    object["seed"] = arm.seed;
    std::visit([&](const auto& measured) { write_measures(object, measured, images); }, arm.measured);
    return object;
}

colored_measures colored_from(const json& object) {
    colored_measures measured;
    measured.train_images = object.at("train_images").get<std::size_t>();
    for (const json& each : object.at("train")) {
        measured.train.push_back({number_in(each, "colour_flips"), number_in(each, "accuracy"),
                                  number_in(each, "risk"), number_in(each, "penalty")});
    }
    measured.cost = cost_from(object);
    measured.flipped_accuracy = number_in(object.at("flipped"), "accuracy");
    measured.flipped_risk = number_in(object.at("flipped"), "risk");
    return measured;
}

json eman_json(const eman_settings& settings) {
    return {{"labels", settings.labels},
            {"steps", settings.steps},
            {"labelled_batch", settings.labeled_batch},
            {"unlabelled_batch", settings.unlabeled_batch},
            {"rate", settings.rate},
            {"unlabelled_weight", settings.unlabeled_weight},
            {"threshold", settings.threshold},
            {"momentum", settings.momentum},
            {"weak", {{"transforms", "translate"}, {"count", 1}, {"severity", settings.weak_severity}}},
            {"strong", {{"transforms", "all"}, {"count", 2}, {"severity", settings.strong_severity}}}};
}

json data_json(const methods_data& data) {
    return {{"name", data.name}, {"train", data.train}, {"test", data.test}, {"sha256", data.sha256}};
}

json recipe_json(const methods_protocol& protocol) {
    study_settings settings;
    settings.epochs = protocol.epochs;
    return training_json(settings);
}

json comparison_json(const method_comparison& each) {
    return {{"group", each.group},       {"first", each.first},       {"second", each.second},
            {"quantity", each.quantity}, {"per_seed", each.per_seed}, {"mean", each.mean},
            {"low", each.low},           {"high", each.high}};
}

json cost_json(const method_cost& each) {
    return {{"group", each.group},
            {"method", each.method},
            {"images_per_second", each.images_per_second},
            {"baseline", each.baseline},
            {"times_as_long", each.times_as_long},
            {"predicted_factor", each.predicted_factor}};
}

json made_with(const study_settings& settings, const methods_data& data, const methods_protocol& protocol) {
    return {{"repscope", version_text()},
            {"data", data_json(data)},
            {"training", recipe_json(protocol)},
            {"protocol", to_json(protocol)},
            {"frost", settings.frost_textures.empty() ? "procedural" : settings.frost_textures}};
}

} // namespace

json to_json(const methods_protocol& protocol) {
    json object;
    object["name"] = protocol.name;
    object["epochs"] = protocol.epochs;
    object["training_attack_steps"] = protocol.training_steps;
    object["training_attack_statistics"] = "batch";
    object["ramp_epochs"] = 1;
    for (const auto& ball : protocol.balls) {
        const double step = ball.step_size > 0
                                ? ball.step_size
                                : 2.5 * ball.eps / static_cast<double>(protocol.training_steps);
        object["balls"].push_back({{"norm", name_of(ball)}, {"eps", ball.eps}, {"training_step", step}});
    }
    object["corruption_images"] = protocol.corruption_images;
    object["attack_images"] = protocol.attack_images;
    object["attack_steps"] = protocol.attack_steps;
    object["restarts"] = protocol.restarts;
    if (protocol.autoattack_images > 0) object["autoattack_images"] = protocol.autoattack_images;
    return object;
}

json to_json(const method_network& network) { return network_json(network, image_part::written); }

json to_json(const method_arm& arm) { return arm_json(arm, image_part::written); }

method_network method_network_from_json(const json& object) {
    return {object.at("method").get<std::string>(),
            object.at("seed").get<std::size_t>(),
            settings_from(object.at("settings")),
            named_from(object.at("notes")),
            clean_from(object),
            robustness_from(object),
            cost_from(object)};
}

method_arm method_arm_from_json(const json& object, const std::string& group) {
    method_arm arm{object.at("arm").get<std::string>(), object.at("seed").get<std::size_t>(), {}};
    if (group == "irm") {
        arm.measured = colored_from(object);
    } else if (group == "fairness") {
        arm.measured =
            attribute_measures{gaps_from(object.at("like_training")), gaps_from(object.at("misleading"))};
    } else {
        arm.measured = semi_supervised_measures{object.at("train_images").get<std::size_t>(),
                                                cost_from(object), number_if_any(object, "unlabelled_kept"),
                                                number_in(object, "student_accuracy"), clean_from(object)};
    }
    return arm;
}

std::string methods_text(const methods_result& result) {
    json object;
    object["schema"] = "repscope.methods/1";
    object["repscope"] = version_text();
    object["commit"] = commit_text();
    object["command"] = "methods";
    object["data"] = data_json(result.data);
    object["training"] = recipe_json(result.protocol);
    object["protocol"] = to_json(result.protocol);
    for (const method& each : result.methods) {
        object["methods"].push_back(each.name);
        if (each.kind != "eman") continue;
        object["eman_settings"][each.name] = eman_json({.labels = static_cast<std::size_t>(each.number)});
    }
    object["networks"] = json::array();
    for (const method_network& network : result.networks) {
        object["networks"].push_back(network_json(network, image_part::omitted));
    }
    for (const arm_group& group : result.groups) {
        json& arms = object[group.name];
        for (const method_arm& arm : group.arms) arms.push_back(arm_json(arm, image_part::omitted));
    }
    object["costs"] = json::array();
    for (const method_cost& each : result.costs) object["costs"].push_back(cost_json(each));
    object["comparisons"] = json::array();
    for (const auto& each : result.comparisons) object["comparisons"].push_back(comparison_json(each));
    object["correlations"] = json::array();
    for (const auto& each : result.correlations) {
        object["correlations"].push_back(
            {{"x", each.x}, {"y", each.y}, {"methods", each.methods}, {"spearman", each.spearman}});
    }
    return object.dump(1) + "\n";
}

method_store::method_store(const study_settings& settings, const methods_data& data,
                           const methods_protocol& protocol)
    : out_(settings.out), store_(settings, made_with(settings, data, protocol)) {}

bool method_store::has(const std::string& cell) const { return store_.finished(cell).has_value(); }

void method_store::keep(const std::string& cell,
                        const std::variant<method_network, method_arm>& result) const {
    store_.keep(cell, std::visit([](const auto& held) { return to_json(held); }, result));
}

json method_store::finished(const std::string& cell) const {
    auto object = store_.finished(cell);
    if (!object) throw data_error(out_, "a network that was finished is gone: " + cell);
    return std::move(*object);
}

namespace {

// Errors name the file.
template <typename Read>
auto read_cell(const std::string& out, const std::string& cell, const Read& read) {
    const std::string file = out + "/networks/" + cell + ".json";
    const std::string remedy = "; remove the file and run again";
    try {
        return read();
    } catch (const json::exception& e) {
        throw data_error(file, std::string("is not a finished network: ") + e.what() + remedy);
    } catch (const std::invalid_argument& e) {
        throw data_error(file, std::string("is not a finished network: ") + e.what() + remedy);
    }
}

} // namespace

method_network method_store::network(const std::string& cell) const {
    return read_cell(out_, cell, [&] { return method_network_from_json(finished(cell)); });
}

method_arm method_store::arm(const std::string& cell, const std::string& group) const {
    return read_cell(out_, cell, [&] { return method_arm_from_json(finished(cell), group); });
}

} // namespace program
