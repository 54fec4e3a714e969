// Figures of a study about what perturbations do to its early layers, and about the gradients of its units.

#include "study/report/figures/figures.hpp"

#include "study/report/figures/plots.hpp"
#include "study/report/outcomes.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace program {

namespace {

struct group {
    condition_group which;
    const char* name; // in the CSV
    std::string title;
};

bool any_finite(const std::vector<double>& values) {
    return std::any_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

} // namespace

study_figure change_figure(const ordered_networks& networks, bool full_maps) {
    study_figure figure{
        .name = full_maps ? "change-full-maps" : "change",
        .heading = std::string("The change under perturbations") + (full_maps ? ", full maps" : ""),
        .meaning = "Shows whether perturbations raise (above 0) or lower the number of dimensions that "
                   "early layers use, and how many dimensions the change itself has."};
    const std::vector<double> grid = attack_sizes(networks.first);
    const double eps = grid.empty() ? 0.0 : grid.back();
    std::vector<group> groups;
    if (!grid.empty()) groups.push_back({condition_group::attack, "pgd", "PGD " + networks.size_text(eps)});
    if (networks.first.mean_corruption_accuracy) {
        groups.push_back({condition_group::noise_corruptions, "noise_corruptions", "noise corruptions"});
        groups.push_back({condition_group::other_corruptions, "other_corruptions", "other corruptions"});
    }
    if (!grid.empty())
        groups.push_back({condition_group::random, "random", "random signs " + networks.size_text(eps)});
    if (groups.empty()) {
        figure.left_out = "no perturbation was measured";
        return figure;
    }
    std::vector<plot_panel> panels;
    std::vector<std::pair<std::string, network_number>> columns;
    for (const bool difference : {false, true}) {
        std::vector<double> together{0.0};
        std::vector<network_number> numbers;
        for (const group& each : groups) {
            for (const dimension_measure measure : dimension_measures) {
                const change_choice choice{.full = full_maps, .difference = difference, .measure = measure};
                network_number value = [=, which = each.which](const network_result& network) {
                    return dimensionality_change(network, which, eps, choice);
                };
                columns.emplace_back(std::string(each.name) + (difference ? "_difference_" : "_change_") +
                                         name_of(measure),
                                     value);
                if (measure != dimension_measure::components_interpolated) continue;
                const auto values = values_of(networks, value);
                together.insert(together.end(), values.begin(), values.end());
                numbers.push_back(std::move(value));
            }
        }
        if (together.size() == 1 || !any_finite({together.begin() + 1, together.end()})) continue;
        // One scale for all, as they are compared.
        const axis_range range = range_of(together, 0.02);
        for (std::size_t k = 0; k < groups.size(); ++k) {
            panels.push_back(scatter_panel(
                networks, groups[k].title + (difference ? ", difference" : ", change"), numbers[k],
                "set arrow from graph 0, first 0 to graph 1, first 0 nohead back lc rgb '#888888' lw 1\n",
                &range));
        }
    }
    if (panels.empty()) {
        figure.left_out = full_maps ? "no early layer has maps, or they were not kept"
                                    : "there is no early layer, or it does not vary";
        return figure;
    }
    figure.csv = network_csv(networks, columns);
    figure.caption =
        networks.counted() + "; components for 95 % of the variance, as a share of the " +
        (full_maps ? "samples or columns, whichever are fewer, of full maps" : "units, of channel means") +
        ", mean over early layers. Above: of the perturbed images less of the same " +
        with_commas(networks.study.options.compared_images) +
        " clean ones; below: of the differences between perturbed and clean. Each condition is measured by "
        "itself, "
        "then averaged" +
        (full_maps ? "; corruptions at severity 3" : "") +
        ". The panels of a row share a scale. A line joins the networks of one seed, so there is no band.";
    figure.drawing = drawn_by_alpha(networks, std::move(panels), groups.size());
    return figure;
}

study_figure gradient_figure(const ordered_networks& networks) {
    study_figure figure{.name = "gradients",
                        .heading = "Variability of input-unit gradients",
                        .meaning = "Shows how much the gradients of units with respect to the image vary "
                                   "over images and over units, against selectivity."};
    using repscope::gradient_variability_result;
    struct titled_quantity {
        const char* name;
        gradient_quantity quantity;
        const char* title;
    };
    constexpr std::array<titled_quantity, 4> quantities{
        {{"cv_samples", &gradient_variability_result::cv_samples, "CV across samples"},
         {"cv_units", &gradient_variability_result::cv_units, "CV across units"},
         {"cv_samples_nonzero", &gradient_variability_result::cv_samples_nonzero,
          "CV across samples, zeros left out"},
         {"zero_fraction", &gradient_variability_result::zero_fraction, "share of exact zeros"}}};
    std::vector<plot_panel> panels;
    std::vector<std::pair<std::string, network_number>> columns;
    for (const titled_quantity& each : quantities) {
        const network_number value = [quantity = each.quantity](const network_result& network) {
            return gradient_number(network, quantity);
        };
        std::vector<double> values = values_of(networks, value);
        if (!any_finite(values)) continue;
        values.push_back(0.0);
        axis_range range = range_of(values, 0.005);
        range.low = std::min(0.0, range.low) == 0.0 ? 0.0 : -0.03 * range.high;
        panels.push_back(scatter_panel(networks, each.title, value, "", &range));
        columns.emplace_back(each.name, value);
    }
    if (panels.empty()) {
        figure.left_out = "gradients were not measured (--gradient-images 0)";
        return figure;
    }
    figure.csv = network_csv(networks, columns);
    figure.caption =
        networks.counted() +
        "; norm (l2) of the derivative of a unit's spatial mean with respect to the image, " +
        with_commas(networks.study.options.gradient_images) +
        " images; coefficient of variation (CV), mean over layers. A line joins the networks of one "
        "seed, so there is no band.";
    figure.drawing = drawn_by_alpha(networks, std::move(panels), 4);
    return figure;
}

std::vector<study_figure> study_figures(const study_result& study) {
    const ordered_networks networks(study);
    return {clean_and_corrupted_figure(networks),
            attacks_by_size_figure(networks),
            accuracy_by_distance_figure(networks),
            attacks_by_selectivity_figure(networks),
            corruption_map_figure(networks),
            unit_selectivity_figure(networks),
            dimensionality_by_depth_figure(networks),
            cumulative_variance_figure(networks),
            change_figure(networks, false),
            change_figure(networks, true),
            geometry_figure(networks),
            gradient_figure(networks)};
}

} // namespace program
