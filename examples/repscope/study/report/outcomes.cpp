#include "study/report/outcomes.hpp"

#include <repscope/statistics/summary.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace program {

namespace {

using json = nlohmann::ordered_json;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<std::string_view, 5> intensity_kinds{"snow", "frost", "fog", "brightness", "contrast"};
constexpr std::array<std::string_view, 3> noise_kinds{"gaussian_noise", "shot_noise", "impulse_noise"};

double number(const json& value) { return value.is_number() ? value.get<double>() : nan; }

template <typename Names>
bool is_among(const json& name, const Names& names) {
    return std::find(names.begin(), names.end(), name.get<std::string>()) != names.end();
}

bool belongs(const json& condition, condition_group group, double eps) {
    const std::string kind = condition["kind"];
    if (group == condition_group::attack) {
        return kind == "attack" && condition["name"] == "pgd" && condition["eps"] == eps;
    }
    if (group == condition_group::random) return kind == "random" && condition["eps"] == eps;
    if (kind != "corruption") return false;
    const bool noise = is_among(condition["name"], noise_kinds);
    return group == condition_group::corruptions || noise == (group == condition_group::noise_corruptions);
}

} // namespace

double corruption_accuracy(const json& network, bool intensity) {
    repscope::running_mean mean;
    for (const auto& condition : network["conditions"]) {
        if (condition["kind"] != "corruption") continue;
        if (!intensity && is_among(condition["name"], intensity_kinds)) continue;
        mean.add(number(condition["accuracy"]));
    }
    return mean.value();
}

double attack_accuracy(const json& network, std::string_view attack, double eps) {
    const bool signs = attack.empty();
    for (const auto& condition : network["conditions"]) {
        if (condition["kind"] != (signs ? "random" : "attack") || condition["eps"] != eps) continue;
        if (signs || condition["name"] == attack) return number(condition["accuracy"]);
    }
    return nan;
}

std::vector<double> attack_sizes(const json& network) {
    std::vector<double> eps;
    for (const auto& condition : network["conditions"]) {
        if (condition["kind"] == "attack" && condition["name"] == "pgd") eps.push_back(condition["eps"]);
    }
    return eps;
}

double in_255ths(double eps) { return std::round(eps * 255e6) / 1e6; }

std::size_t early_layers(const json& network) { return network["conditions"][0]["layers"].size() / 2; }

double measure_of(const json& dimensionality, const std::string& measure) {
    const json& value = dimensionality[measure];
    return number(value.is_object() ? value["95"] : value);
}

double mean_dimensionality(const json& layers, const std::string& measure, std::size_t first,
                           std::size_t last) {
    repscope::running_mean mean;
    for (std::size_t l = first; l < last; ++l) {
        mean.add(measure_of(layers[l]["dimensionality"], measure) / number(layers[l]["units"]));
    }
    return mean.value();
}

double early_dimensionality(const json& network, const std::string& measure) {
    return mean_dimensionality(network["conditions"][0]["layers"], measure, 0, early_layers(network));
}

double dimensionality_change(const json& network, condition_group group, double eps,
                             const change_choice& choice) {
    repscope::running_mean mean;
    const json& units = network["conditions"][0]["layers"];
    for (const auto& condition : network["conditions"]) {
        if (!belongs(condition, group, eps)) continue;
        for (std::size_t l = 0; l < early_layers(network); ++l) {
            const json* layer = &condition["layers"][l];
            const json* clean = &network["reference"]["layers"][l];
            double columns = number(units[l]["units"]);
            if (choice.full) {
                if (!layer->contains("full")) continue;
                layer = &(*layer)["full"];
                clean = &(*clean)["full"];
                // No more can be told apart than there are samples.
                const json& shape = units[l]["shape"];
                for (std::size_t axis = 2; axis < shape.size(); ++axis) columns *= number(shape[axis]);
                columns = std::min(columns, number((*layer)["samples"]) - 1);
            }
            const double now = measure_of(choice.difference ? (*layer)["change"]["dimensionality"]
                                                            : (*layer)["dimensionality"],
                                          choice.measure);
            const double before =
                choice.difference ? 0.0 : measure_of((*clean)["dimensionality"], choice.measure);
            mean.add((now - before) / columns);
        }
    }
    return mean.value();
}

double gradient_number(const json& network, const char* quantity) {
    repscope::running_mean mean;
    for (const auto& layer : network["conditions"][0]["layers"]) {
        if (layer.contains("gradient")) mean.add(number(layer["gradient"]["l2"][quantity]));
    }
    return mean.value();
}

} // namespace program
