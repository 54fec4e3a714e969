// Figures of an analysis: those that it shares with the study, and numbers of layers by their depth.

#include "analyze/figures.hpp"

#include "study/report/figures/depth_panels.hpp"
#include "study/report/figures/figures.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/outcomes.hpp"

#include <algorithm>
#include <string>

namespace program {

namespace {

bool have_same_layers(const ordered_networks& networks) {
    for (const network_result* network : networks.all) {
        if (network->clean.layers.size() != networks.first.clean.layers.size()) return false;
    }
    return true;
}

study_figure change_by_depth_figure(const ordered_networks& networks) {
    study_figure figure{.name = "change",
                        .heading = "The change of layers under perturbations",
                        .meaning = "Shows, from the first layer to the last, how perturbations change the "
                                   "dimensionality of a layer."};
    depth_panels panels(networks, figure);
    const std::vector<double> sizes = networks.sizes();
    const double eps = sizes.empty() ? 0.0 : *std::max_element(sizes.begin(), sizes.end());
    struct titled_group {
        condition_group group;
        const char* name;
        std::string title;
    };
    const titled_group groups[]{
        {condition_group::attack, "pgd", "PGD " + networks.size_text(eps)},
        {condition_group::corruptions, "corruptions", "corruptions"},
        {condition_group::random, "random", "random signs " + networks.size_text(eps)}};
    for (const titled_group& each : groups) {
        panels.add({each.title, std::string(each.name) + "_change",
                    [&](const network_result& network, std::size_t l) {
                        constexpr auto measure = dimension_measure::components_interpolated;
                        if (network.reference.layers.empty()) return no_value;
                        const double before = measure_of(network.reference.layers[l].dimensionality, measure);
                        const auto units = static_cast<double>(network.clean.layers[l].report.units);
                        return mean_under(network, each.group, eps, l, [&](const compared_layer& layer) {
                            return (measure_of(layer.dimensionality, measure) - before) / units;
                        });
                    }});
    }
    panels.finish("no perturbation was measured",
                  "channel means of the same " + with_commas(networks.first.reference.images) +
                      " inputs: components for 95 % of the variance, as a share of the units, less those of "
                      "the clean inputs. Each condition is measured by itself, then averaged.");
    return figure;
}

study_figure gradients_by_depth_figure(const ordered_networks& networks) {
    study_figure figure{.name = "gradients",
                        .heading = "Variability of input-unit gradients",
                        .meaning = "Shows how much the gradients of units with respect to the input vary, "
                                   "from the first layer to the last."};
    depth_panels panels(networks, figure);
    struct titled_quantity {
        const char* name;
        gradient_quantity quantity;
        const char* title;
    };
    using repscope::gradient_variability_result;
    for (const titled_quantity& each :
         {titled_quantity{"cv_samples", &gradient_variability_result::cv_samples, "CV across inputs"},
          titled_quantity{"cv_units", &gradient_variability_result::cv_units, "CV across units"},
          titled_quantity{"zero_fraction", &gradient_variability_result::zero_fraction,
                          "share of exact zeros"}}) {
        panels.add({each.title, each.name, [&](const network_result& network, std::size_t l) {
                        const auto& gradient = network.clean.layers[l].gradient;
                        return gradient ? gradient->l2.*each.quantity : no_value;
                    }});
    }
    panels.finish("gradients were not measured (--gradient-images 0)",
                  "norm (l2) of the derivative of a unit's spatial mean with respect to the input, " +
                      with_commas(networks.study.options.gradient_images) +
                      " inputs; coefficient of variation (CV).");
    return figure;
}

study_figure ablation_figure(const analysis_result& analysis, const ordered_networks& networks) {
    study_figure figure{.name = "ablation",
                        .heading = "Ablation of units",
                        .meaning = "Shows, per layer, whether the loss of accuracy without a unit depends on "
                                   "its selectivity, and how large this loss is."};
    depth_panels panels(networks, figure);
    const auto number = [&](const char* key) {
        return [&analysis, key](const network_result& network, std::size_t l) {
            const auto& ablation = analysis.models[static_cast<std::size_t>(network.alpha)].json["ablation"];
            if (ablation.is_null() || !ablation["layers"][l].contains(key)) return no_value;
            const auto& value = ablation["layers"][l][key];
            return value.is_number() ? value.get<double>() : no_value;
        };
    };
    panels.add({"rank correlation of selectivity and loss", "rank_correlation", number("rank_correlation")});
    panels.add({"mean loss of accuracy", "mean_loss", number("mean_loss")});
    panels.finish(
        "units were not ablated (--ablation-images 0)",
        "each unit is set to its mean over the inputs, one at a time. Left: Spearman's correlation, over "
        "the units of a layer, of the selectivity index and the loss of accuracy without the unit.");
    return figure;
}

} // namespace

study_result networks_of(const analysis_result& analysis) {
    study_result study;
    const auto& options = analysis.head["options"];
    study.options.corruption_images = options["corruption_images"].get<std::size_t>();
    study.options.attack_images = options["attack_images"].get<std::size_t>();
    study.options.gradient_images = options["gradient_images"].get<std::size_t>();
    study.options.compared_images = options["compared_images"].get<std::size_t>();
    study.options.attack_steps = options["attack_steps"].get<std::size_t>();
    study.options.norm = options["norm"].get<std::string>();
    const auto& range = analysis.head["inputs"]["range"];
    study.options.range = range[1].get<double>() - range[0].get<double>();
    for (const model_result& model : analysis.models) {
        study.networks.push_back(model.network);
        study.networks.back().alpha = static_cast<double>(study.networks.size() - 1);
    }
    return study;
}

std::vector<std::string> names_of(const analysis_result& analysis) {
    std::vector<std::string> names;
    for (const model_result& model : analysis.models) names.push_back(model.name);
    return names;
}

std::vector<study_figure> analysis_figures(const analysis_result& analysis) {
    const study_result study = networks_of(analysis);
    const ordered_networks networks(study, names_of(analysis));
    std::vector<study_figure> figures{attacks_by_size_figure(networks), accuracy_by_distance_figure(networks),
                                      corruption_map_figure(networks)};
    if (!have_same_layers(networks)) {
        figures.push_back({.name = "layers",
                           .heading = "Layers",
                           .left_out =
                               "the models differ in their number of layers; analysis.csv has the numbers of "
                               "each"});
        return figures;
    }
    for (study_figure (*make)(const ordered_networks&) :
         {unit_selectivity_figure, dimensionality_by_depth_figure, change_by_depth_figure, geometry_figure,
          gradients_by_depth_figure})
        figures.push_back(make(networks));
    figures.push_back(ablation_figure(analysis, networks));
    return figures;
}

} // namespace program
