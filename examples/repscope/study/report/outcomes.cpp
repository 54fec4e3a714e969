#include "study/report/outcomes.hpp"

#include "render/text_table.hpp"
#include <repscope/statistics/summary.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace program {

namespace {

constexpr std::array<std::string_view, 5> intensity_kinds{"snow", "frost", "fog", "brightness", "contrast"};
constexpr std::array<std::string_view, 3> noise_kinds{"gaussian_noise", "shot_noise", "impulse_noise"};

template <typename Names>
bool is_among(const std::string& name, const Names& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Dimensionality of perturbed and of clean activations, or of their difference.
double difference_of(const repscope::dimensionality_result& now, const std::optional<change_result>& change,
                     const repscope::dimensionality_result& before, const change_choice& choice) {
    if (!choice.difference) return measure_of(now, choice.measure) - measure_of(before, choice.measure);
    return change ? measure_of(change->dimensionality, choice.measure) : no_value;
}

// No more columns can be told apart than there are samples.
double columns_of(const layer_report& clean, std::size_t samples) {
    auto columns = static_cast<double>(clean.units);
    for (std::size_t axis = 2; axis < clean.shape.size(); ++axis)
        columns *= static_cast<double>(clean.shape[axis]);
    return std::min(columns, static_cast<double>(samples) - 1);
}

} // namespace

bool belongs(const condition_result& condition, condition_group group, double eps) {
    if (group == condition_group::attack) return is_pgd(condition, eps);
    if (group == condition_group::random)
        return condition.kind == condition_kind::random && condition.eps == eps;
    if (condition.kind != condition_kind::corruption) return false;
    const bool noise = is_among(condition.name, noise_kinds);
    return group == condition_group::corruptions || noise == (group == condition_group::noise_corruptions);
}

std::string condition_label(const condition_result& condition) {
    if (condition.kind == condition_kind::corruption)
        return "corruption/" + condition.name + "/" + std::to_string(condition.severity);
    const std::string eps = (condition.norm == "linf" ? "" : condition.norm + "/") +
                            shortest(stated_eps(condition.eps, condition.norm, condition.range));
    return condition.kind == condition_kind::random ? "random/" + eps
                                                    : "attack/" + condition.name + "/" + eps;
}

bool is_pgd(const condition_result& condition) {
    return condition.kind == condition_kind::attack && condition.name == "pgd";
}

bool is_pgd(const condition_result& condition, double eps) {
    return is_pgd(condition) && condition.eps == eps;
}

double corruption_accuracy(const network_result& network, bool intensity) {
    repscope::running_mean mean;
    for (const auto& condition : network.conditions) {
        if (condition.kind != condition_kind::corruption) continue;
        if (!intensity && is_among(condition.name, intensity_kinds)) continue;
        mean.add(condition.accuracy);
    }
    return mean.value();
}

double attack_accuracy(const network_result& network, std::string_view attack, double eps) {
    const condition_kind kind = attack.empty() ? condition_kind::random : condition_kind::attack;
    for (const auto& condition : network.conditions) {
        if (condition.kind != kind || condition.eps != eps) continue;
        if (kind == condition_kind::random || condition.name == attack) return condition.accuracy;
    }
    return no_value;
}

std::vector<double> attack_sizes(const network_result& network) {
    std::vector<double> eps;
    for (const auto& condition : network.conditions) {
        if (is_pgd(condition)) eps.push_back(condition.eps);
    }
    return eps;
}

double primary_eps(const std::vector<network_result>& networks) {
    double best = 0.0;
    double nearest = std::numeric_limits<double>::infinity();
    for (const double eps : attack_sizes(networks[0])) {
        double distance = 0.0;
        bool any = false;
        for (const auto& network : networks) {
            if (network.alpha != 0.0) continue;
            any = true;
            distance += attack_accuracy(network, "pgd", eps) - 0.5 * network.clean.accuracy;
        }
        if (any && std::abs(distance) < nearest) {
            nearest = std::abs(distance);
            best = eps;
        }
    }
    return best;
}

double accuracy_on_first(const condition_result& condition, std::size_t images) {
    if (images == 0 || condition.correct.size() < images) return no_value;
    repscope::running_mean mean;
    for (std::size_t n = 0; n < images; ++n) mean.add(condition.correct[n] ? 1.0 : 0.0);
    return mean.value();
}

double excess_of_pgd(const network_result& network, double eps) {
    const condition_result *pgd = nullptr, *ensemble = nullptr;
    for (const auto& condition : network.conditions) {
        if (is_pgd(condition, eps)) pgd = &condition;
        if (!condition.after.empty() && condition.eps == eps) ensemble = &condition;
    }
    if (pgd == nullptr || ensemble == nullptr) return no_value;
    return accuracy_on_first(*pgd, ensemble->images) - ensemble->accuracy;
}

double in_255ths(double eps) { return std::round(eps * 255e6) / 1e6; }

double stated_eps(double eps, std::string_view norm, double range) {
    return norm == "linf" ? in_255ths(eps / range) : std::round(eps / range * 1e6) / 1e6;
}

std::size_t early_layers(const network_result& network) { return network.clean.layers.size() / 2; }

const char* name_of(dimension_measure measure) {
    if (measure == dimension_measure::components_interpolated) return "components_interpolated";
    return measure == dimension_measure::participation_ratio ? "participation_ratio"
                                                             : "participation_ratio_unbiased";
}

double measure_of(const repscope::dimensionality_result& dimensionality, dimension_measure measure) {
    if (measure == dimension_measure::components_interpolated)
        return dimensionality.components_interpolated[1];
    return measure == dimension_measure::participation_ratio ? dimensionality.participation_ratio
                                                             : dimensionality.participation_ratio_unbiased;
}

double mean_dimensionality(std::span<const layer_result> layers, dimension_measure measure, std::size_t first,
                           std::size_t last) {
    repscope::running_mean mean;
    for (std::size_t l = first; l < last; ++l) {
        const layer_report& layer = layers[l].report;
        mean.add(measure_of(layer.dimensionality, measure) / static_cast<double>(layer.units));
    }
    return mean.value();
}

double early_dimensionality(const network_result& network, dimension_measure measure) {
    return mean_dimensionality(network.clean.layers, measure, 0, early_layers(network));
}

double dimensionality_change(const network_result& network, condition_group group, double eps,
                             const change_choice& choice) {
    repscope::running_mean mean;
    for (const auto& condition : network.conditions) {
        if (!belongs(condition, group, eps)) continue;
        for (std::size_t l = 0; l < early_layers(network); ++l) {
            const layer_report& clean = network.clean.layers[l].report;
            const compared_layer& layer = condition.layers[l];
            const compared_layer& before = network.reference.layers[l];
            if (!choice.full) {
                mean.add(difference_of(layer.dimensionality, layer.change, before.dimensionality, choice) /
                         static_cast<double>(clean.units));
            } else if (layer.full && before.full) {
                mean.add(difference_of(layer.full->dimensionality, layer.full->change,
                                       before.full->dimensionality, choice) /
                         columns_of(clean, layer.full->samples));
            }
        }
    }
    return mean.value();
}

double gradient_number(const network_result& network, gradient_quantity quantity) {
    repscope::running_mean mean;
    for (const auto& layer : network.clean.layers) {
        if (layer.gradient) mean.add(layer.gradient->l2.*quantity);
    }
    return mean.value();
}

} // namespace program
