// The figure of the distances to the nearest misclassified images.

#include "render/csv.hpp"
#include "study/report/figures/figures.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/outcomes.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace program {

namespace {

// The share of images that are farther away than eps.
double accuracy_within(const distance_result& distances, double eps) {
    const auto farther = std::count_if(distances.distance.begin(), distances.distance.end(),
                                       [eps](double distance) { return distance > eps; });
    return static_cast<double>(farther) / static_cast<double>(distances.distance.size());
}

// The accuracy of a network at some eps; NaN where it was not measured.
using curve_value = double (*)(const network_result&, double eps);

double by_distance(const network_result& network, double eps) {
    return network.distances ? accuracy_within(*network.distances, eps) : no_value;
}

// Accuracy under PGD less that by distance, on the same images.
double pgd_above(const network_result& network, double eps) {
    for (const condition_result& condition : network.conditions) {
        if (!network.distances || !is_pgd(condition, eps)) continue;
        return accuracy_on_first(condition, network.distances->distance.size()) - by_distance(network, eps);
    }
    return no_value;
}

// A panel of lines, one per alpha; their numbers are appended to `csv`, and to `shown`.
plot_panel curve_panel(const ordered_networks& networks, const std::string& title, const char* name,
                       curve_value value, std::span<const double> grid, bool has_points,
                       const std::string& axes, std::string& csv, std::vector<double>& shown) {
    std::vector<banded_line> lines;
    for (const double alpha : networks.alphas) {
        const legend_entry look = networks.style(alpha);
        banded_line& line = lines.emplace_back(banded_line{look.color, has_points ? look.shape : 0, {}, {}});
        for (const double eps : grid) {
            std::vector<double> values;
            for (const network_result* network : networks.of_alpha(alpha)) {
                const double number = value(*network, eps);
                if (!std::isfinite(number)) continue;
                values.push_back(number);
                shown.push_back(number);
                csv += networks.csv_of(*network) + name + "," + csv_field(networks.size_number(eps)) + "," +
                       csv_field(number) + "\n";
            }
            if (values.empty()) continue;
            line.x.push_back(networks.size_number(eps));
            line.values.push_back(std::move(values));
        }
    }
    return line_panel(title, networks.size_label(), lines, axes);
}

} // namespace

study_figure accuracy_by_distance_figure(const ordered_networks& networks) {
    study_figure figure{
        .name = "distances",
        .heading = "Accuracy and size of the perturbation",
        .meaning =
            "Shows the share of images that no perturbation within eps, of those that FAB finds, makes "
            "misclassified; PGD above this curve misses such perturbations."};
    if (!networks.first.distances) {
        figure.left_out = "distances were not measured (--distance-images 0)";
        return figure;
    }
    const distance_result& distances = *networks.first.distances;
    const axis_range x{0.0, networks.size_number(distances.eps.back())};
    const std::string x_axis = set_range("x", x) + set_tics("x", x, 5);
    figure.csv = networks.csv_keys() + (networks.study.options.norm == "linf" ? "quantity,eps_255ths,value\n"
                                                                              : "quantity,eps,value\n");
    std::vector<double> shown;
    std::vector<plot_panel> panels{curve_panel(networks, "accuracy, by distance", "accuracy", by_distance,
                                               distances.eps, false, x_axis + set_range("y", {0.0, 1.0}),
                                               figure.csv, shown)};
    std::vector<double> above{0.0};
    const std::vector<double> sizes = attack_sizes(networks.first);
    std::string rows;
    (void)curve_panel(networks, "", "", pgd_above, sizes, true, "", rows, above);
    if (above.size() > 1) {
        panels.push_back(
            curve_panel(networks, "PGD above it, same images", "pgd_above", pgd_above, sizes, true,
                        x_axis + set_range("y", range_of(above, 0.02)) + horizontal_line(0.0, gray, ""),
                        figure.csv, shown));
    }
    figure.caption =
        networks.counted() + "; the share of the first " + with_commas(distances.distance.size()) +
        " images without a misclassified point within eps, from the distance to the nearest point "
        "that FAB finds for each image (targeted, " +
        std::to_string(distances.steps) + " steps). " + band_text(networks);
    figure.drawing = drawn_by_alpha(networks, std::move(panels), 2);
    return figure;
}

} // namespace program
