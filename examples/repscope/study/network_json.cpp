#include "study/network_json.hpp"

#include "layers/json.hpp"
#include "study/per_image.hpp"
#include "study/report/outcomes.hpp"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

// A number; null, which numbers that are not finite are written as, is NaN.
double number(const json& value) {
    return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> numbers(const json& values) {
    std::vector<double> result;
    for (const auto& value : values) result.push_back(number(value));
    return result;
}

json variability_json(const repscope::gradient_variability_result& result) {
    json object;
    object["cv_samples"] = result.cv_samples;
    object["cv_units"] = result.cv_units;
    object["mean"] = result.mean;
    object["sd"] = result.sd;
    object["images"] = result.images;
    object["zero_fraction"] = result.zero_fraction;
    object["dead_units"] = result.dead_units;
    object["cv_samples_nonzero"] = result.cv_samples_nonzero;
    return object;
}

repscope::gradient_variability_result read_variability(const json& object) {
    repscope::gradient_variability_result result;
    result.cv_samples = number(object.at("cv_samples"));
    result.cv_units = number(object.at("cv_units"));
    result.mean = number(object.at("mean"));
    result.sd = number(object.at("sd"));
    result.images = object.at("images").get<std::uint64_t>();
    result.zero_fraction = number(object.at("zero_fraction"));
    result.dead_units = object.at("dead_units").get<std::size_t>();
    result.cv_samples_nonzero = number(object.at("cv_samples_nonzero"));
    return result;
}

json layer_json(const layer_result& layer) {
    json object = to_json(layer.report);
    if (layer.gradient) object["gradient"] = gradient_json(*layer.gradient);
    return object;
}

layer_result read_layer(const json& object) {
    layer_result layer{.report = layer_from_json(object)};
    if (object.contains("gradient")) layer.gradient = gradient_from_json(object.at("gradient"));
    return layer;
}

json change_json(const change_result& change) {
    json object;
    object["dimensionality"] = to_json(change.dimensionality);
    object["relative_size"] = change.relative_size;
    return object;
}

std::optional<change_result> read_change(const json& layer) {
    if (!layer.contains("change")) return std::nullopt;
    const json& object = layer["change"];
    return change_result{dimensionality_from_json(object.at("dimensionality")),
                         number(object.at("relative_size"))};
}

// The NETWORK object's parts about single images: by the label of the condition.
void add_image_results(json& object, const network_result& network) {
    object["right"][std::string(clean_label)] = packed(network.clean.correct);
    for (const condition_result& condition : network.conditions) {
        const std::string label = condition_label(condition);
        object["right"][label] = packed(condition.correct);
        if (!condition.pixels.empty()) object["pictures"][label] = condition.pixels;
    }
}

void read_image_results(const json& object, network_result& network) {
    const json& right = object.at("right");
    const auto correct = [&](const std::string& label) {
        return unpacked(right.at(label).get<std::string>());
    };
    network.clean.correct = correct(std::string(clean_label));
    for (condition_result& condition : network.conditions) {
        const std::string label = condition_label(condition);
        condition.correct = correct(label);
        if (object.contains("pictures") && object["pictures"].contains(label))
            condition.pixels = object["pictures"][label].get<std::vector<std::uint8_t>>();
    }
}

} // namespace

json compared_json(const std::vector<compared_layer>& layers) {
    json list = json::array();
    for (const compared_layer& layer : layers) {
        json object;
        object["name"] = layer.name;
        object["dimensionality"] = to_json(layer.dimensionality);
        if (layer.cumulative_variance) object["cumulative_variance"] = *layer.cumulative_variance;
        if (layer.change) object["change"] = change_json(*layer.change);
        if (layer.full) {
            json& full = object["full"];
            full["samples"] = layer.full->samples;
            full["dimensionality"] = to_json(layer.full->dimensionality);
            if (layer.full->change) full["change"] = change_json(*layer.full->change);
        }
        if (const auto& classes = layer.classes) {
            object["geometry"]["nc1_trace"] = classes->nc1_trace;
            object["geometry"]["cdnv"] = classes->cdnv;
            object["geometry"]["cdnv_unbiased"] = classes->cdnv_unbiased;
            object["activation_uniformity"] = classes->activation_uniformity;
        }
        if (layer.cka) {
            object["similarity"]["cka"] = layer.cka->plain;
            object["similarity"]["cka_unbiased"] = layer.cka->unbiased;
        }
        list.push_back(std::move(object));
    }
    return list;
}

std::vector<compared_layer> compared_from_json(const json& list) {
    std::vector<compared_layer> layers;
    for (const auto& object : list) {
        compared_layer& layer = layers.emplace_back();
        layer.name = object.at("name").get<std::string>();
        layer.dimensionality = dimensionality_from_json(object.at("dimensionality"));
        if (object.contains("cumulative_variance"))
            layer.cumulative_variance = numbers(object["cumulative_variance"]);
        layer.change = read_change(object);
        if (object.contains("geometry")) { // not in files of earlier versions
            const json& geometry = object["geometry"];
            layer.classes = class_result{number(geometry.at("nc1_trace")), number(geometry.at("cdnv")),
                                         number(geometry.at("cdnv_unbiased")),
                                         number(object.at("activation_uniformity"))};
        }
        if (object.contains("similarity")) {
            layer.cka = repscope::linear_cka_result{number(object["similarity"].at("cka")),
                                                    number(object["similarity"].at("cka_unbiased"))};
        }
        if (object.contains("full")) {
            const json& full = object["full"];
            layer.full = maps_result{full.at("samples").get<std::size_t>(),
                                     dimensionality_from_json(full.at("dimensionality")), read_change(full)};
        }
    }
    return layers;
}

json condition_json(const condition_result& condition) {
    json object;
    if (condition.kind == condition_kind::corruption) {
        object["kind"] = "corruption";
        object["name"] = condition.name;
        object["severity"] = condition.severity;
    } else {
        const bool attack = condition.kind == condition_kind::attack;
        object["kind"] = attack ? "attack" : "random";
        if (attack) object["name"] = condition.name;
        object["norm"] = condition.norm;
        object["eps"] = condition.eps;
        if (attack && !condition.after.empty()) {
            for (const auto& [name, accuracy] : condition.after) object["after"][name] = accuracy;
            if (!condition.warnings.empty()) object["warnings"] = condition.warnings;
        } else if (attack) {
            object["steps"] = condition.steps;
            object["step_size"] = condition.step_size;
            object["restarts"] = condition.restarts;
        }
        object["seed"] = condition.seed;
    }
    object["images"] = condition.images;
    object["accuracy"] = condition.accuracy;
    object["mean_l2"] = condition.mean_l2;
    object["mean_linf"] = condition.mean_linf;
    object["layers"] = compared_json(condition.layers);
    return object;
}

condition_result condition_from_json(const json& object) {
    condition_result condition;
    const auto kind = object.at("kind").get<std::string>();
    condition.kind = kind == "corruption" ? condition_kind::corruption
                     : kind == "attack"   ? condition_kind::attack
                                          : condition_kind::random;
    if (condition.kind != condition_kind::random) condition.name = object.at("name").get<std::string>();
    if (condition.kind == condition_kind::corruption) {
        condition.severity = object.at("severity").get<int>();
    } else {
        condition.norm = object.at("norm").get<std::string>();
        condition.eps = object.at("eps").get<double>();
        condition.seed = object.at("seed").get<std::uint64_t>();
    }
    if (object.contains("after")) {
        for (const auto& [name, accuracy] : object.at("after").items()) {
            condition.after.emplace_back(name, number(accuracy));
        }
        if (object.contains("warnings"))
            condition.warnings = object["warnings"].get<std::vector<std::string>>();
    } else if (condition.kind == condition_kind::attack) {
        condition.steps = object.at("steps").get<std::size_t>();
        condition.step_size = object.at("step_size").get<double>();
        condition.restarts = object.at("restarts").get<std::size_t>();
    }
    condition.images = object.at("images").get<std::size_t>();
    condition.accuracy = number(object.at("accuracy"));
    condition.mean_l2 = number(object.at("mean_l2"));
    condition.mean_linf = number(object.at("mean_linf"));
    condition.layers = compared_from_json(object.at("layers"));
    return condition;
}

json clean_json(const clean_result& clean) {
    json object;
    object["kind"] = "clean";
    object["images"] = clean.images;
    object["accuracy"] = clean.accuracy;
    object["layers"] = json::array();
    for (const layer_result& layer : clean.layers) object["layers"].push_back(layer_json(layer));
    return object;
}

clean_result clean_from_json(const json& object) {
    clean_result clean;
    clean.images = object.at("images").get<std::size_t>();
    clean.accuracy = number(object.at("accuracy"));
    for (const json& layer : object.at("layers")) clean.layers.push_back(read_layer(layer));
    return clean;
}

json distances_json(const distance_result& distances) {
    json object;
    object["attack"] = "fab-t";
    object["norm"] = distances.norm;
    object["steps"] = distances.steps;
    object["targets"] = distances.targets;
    object["seed"] = distances.seed;
    object["images"] = distances.distance.size();
    object["distance"] = distances.distance; // infinity is null
    object["curve"] = {{"eps", distances.eps}, {"accuracy", distances.accuracy}};
    return object;
}

distance_result distances_from_json(const json& object) {
    distance_result distances;
    distances.norm = object.at("norm").get<std::string>();
    distances.steps = object.at("steps").get<std::size_t>();
    distances.targets = object.at("targets").get<std::size_t>();
    distances.seed = object.at("seed").get<std::uint64_t>();
    for (const json& distance : object.at("distance")) {
        distances.distance.push_back(distance.is_null() ? std::numeric_limits<double>::infinity()
                                                        : distance.get<double>());
    }
    distances.eps = numbers(object.at("curve").at("eps"));
    distances.accuracy = numbers(object.at("curve").at("accuracy"));
    return distances;
}

json attack_stage_json(const condition_result& condition) {
    json object = condition_json(condition);
    object["right"] = packed(condition.correct);
    object["pictures"] = condition.pixels;
    return object;
}

condition_result attack_stage_from_json(const json& object) {
    condition_result condition = condition_from_json(object);
    condition.correct = unpacked(object.at("right").get<std::string>());
    condition.pixels = object.at("pictures").get<std::vector<std::uint8_t>>();
    return condition;
}

json gradient_json(const gradient_result& gradient) {
    json object;
    object["l2"] = variability_json(gradient.l2);
    object["l1"] = variability_json(gradient.l1);
    return object;
}

gradient_result gradient_from_json(const json& object) {
    return {read_variability(object.at("l2")), read_variability(object.at("l1"))};
}

json network_json(const network_result& network, image_results images) {
    json object;
    object["alpha"] = network.alpha;
    object["seed"] = network.seed;
    object["selectivity_mean"] = network.selectivity_mean;
    object["clean_accuracy"] = network.clean.accuracy;
    object["mean_corruption_accuracy"] = nullptr;
    if (const auto& means = network.mean_corruption_accuracy)
        object["mean_corruption_accuracy"] = {{"all", means->all}, {"without_frost", means->without_frost}};
    object["train_seconds"] = network.train_seconds;
    object["images_per_second"] = network.images_per_second;
    for (const auto& [stage, seconds] : network.seconds) object["seconds"][stage] = seconds;
    object["reference"]["images"] = network.reference.images;
    object["reference"]["layers"] = compared_json(network.reference.layers);
    if (network.distances) object["distances"] = distances_json(*network.distances);
    if (images == image_results::written) add_image_results(object, network);
    object["conditions"].push_back(clean_json(network.clean));
    for (const auto& condition : network.conditions)
        object["conditions"].push_back(condition_json(condition));
    return object;
}

network_result network_from_json(const json& object) {
    network_result network;
    network.alpha = object.at("alpha").get<double>();
    network.seed = object.at("seed").get<std::size_t>();
    network.selectivity_mean = number(object.at("selectivity_mean"));
    if (const json& means = object.at("mean_corruption_accuracy"); !means.is_null())
        network.mean_corruption_accuracy = {number(means.at("all")), number(means.at("without_frost"))};
    network.train_seconds = number(object.at("train_seconds"));
    network.images_per_second = number(object.at("images_per_second"));
    for (const auto& [stage, seconds] : object.at("seconds").items())
        network.seconds.push_back({stage, seconds.get<double>()});
    network.reference.images = object.at("reference").at("images").get<std::size_t>();
    network.reference.layers = compared_from_json(object.at("reference").at("layers"));
    const json& conditions = object.at("conditions");
    network.clean = clean_from_json(conditions.at(0));
    for (std::size_t k = 1; k < conditions.size(); ++k)
        network.conditions.push_back(condition_from_json(conditions[k]));
    if (object.contains("distances")) network.distances = distances_from_json(object["distances"]);
    read_image_results(object, network);
    return network;
}

} // namespace program
