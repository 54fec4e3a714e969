// Figures of a study about its layers: selectivity of units, and dimensions.

#include "study/report/figures/figures.hpp"

#include "render/csv.hpp"
#include "render/text_table.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/outcomes.hpp"

#include <repscope/statistics/summary.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

namespace program {

namespace {

const std::vector<layer_result>& clean_layers(const network_result& network) { return network.clean.layers; }

// The finite ones of some numbers.
std::vector<double> finite(const std::vector<double>& numbers) {
    std::vector<double> values;
    for (const double value : numbers) {
        if (std::isfinite(value)) values.push_back(value);
    }
    return values;
}

double mean_of(const std::vector<double>& values) {
    double sum = 0.0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
}

constexpr std::size_t selectivity_bins = 40;

// Units of a layer by their selectivity, an upright histogram for each alpha, mirrored.
plot_panel selectivity_panel(const ordered_networks& networks, std::size_t layer) {
    const layer_report& report = clean_layers(networks.first)[layer].report;
    std::vector<std::vector<double>> bars; // x, y, then the ends of both, and the color
    std::vector<std::vector<double>> means;
    std::vector<std::vector<double>> medians;
    std::string tics;
    for (std::size_t k = 0; k < networks.alphas.size(); ++k) {
        const double alpha = networks.alphas[k];
        const auto x = static_cast<double>(k);
        tics += (k == 0 ? "" : ", ") + gnuplot_string(networks.label(alpha)) + " " + std::to_string(k);
        std::vector<double> indices;
        for (const network_result* network : networks.of_alpha(alpha)) {
            const auto own = finite(clean_layers(*network)[layer].report.selectivity->measured.index);
            indices.insert(indices.end(), own.begin(), own.end());
        }
        if (indices.empty()) continue;
        std::array<double, selectivity_bins> counts{};
        for (const double index : indices) {
            const auto bin = static_cast<std::size_t>(std::clamp(index, 0.0, 1.0) * selectivity_bins);
            counts[std::min(bin, selectivity_bins - 1)] += 1;
        }
        const double most = *std::max_element(counts.begin(), counts.end());
        const double color =
            static_cast<double>(std::stoul(networks.style(alpha).color.substr(1), nullptr, 16));
        for (std::size_t b = 0; b < selectivity_bins; ++b) {
            if (counts[b] == 0.0) continue;
            const double half = 0.44 * counts[b] / most;
            const double low = static_cast<double>(b) / selectivity_bins;
            const double high = static_cast<double>(b + 1) / selectivity_bins;
            bars.push_back({x, (low + high) / 2, x - half, x + half, low, high, color});
        }
        means.push_back({x, mean_of(indices)});
        medians.push_back({x - 0.3, repscope::median(indices), 0.6, 0.0});
    }
    return {
        report.name + ", " + std::to_string(report.units) + " units", networks.key(),
        data_block("bars", bars) + data_block("means", means) + data_block("medians", medians) +
            "set xtics (" + tics + ")\nset yrange [0:1]\n" +
            set_range("x", {-0.6, static_cast<double>(networks.alphas.size()) - 0.4}) +
            "set style fill solid 0.85 noborder\nplot $bars using 1:2:3:4:5:6:7 with boxxyerror lc rgb "
            "variable, $medians using 1:2:3:4 with vectors nohead lw 1.6 lc rgb '#111111', $means using 1:2 "
            "with points pt 7 ps 0.55 lc rgb '#111111'\n"};
}

// A curve: of clean images, or of the conditions of a group.
struct curve {
    const char* name; // as the CSV has it
    std::optional<condition_group> group;
    std::string label;
    const char* color;
};

// Cumulative variance of a layer of a network. Corruptions: mean over those of which it was kept.
std::vector<double> cumulative(const network_result& network, const std::optional<condition_group>& group,
                               std::size_t layer, double eps) {
    if (!group)
        return finite(network.reference.layers[layer].cumulative_variance.value_or(std::vector<double>{}));
    std::vector<double> sum;
    double count = 0.0;
    for (const auto& condition : network.conditions) {
        const auto& kept = condition.layers[layer].cumulative_variance;
        if (!belongs(condition, *group, eps) || !kept) continue;
        const auto shares = finite(*kept);
        if (shares.empty()) continue;
        sum.resize(shares.size());
        for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += shares[k];
        ++count;
    }
    for (double& value : sum) value /= count;
    return sum;
}

// The lowest alpha, the one nearest to 0, and the highest.
std::vector<double> telling_alphas(const std::vector<double>& alphas) {
    const double nearest = *std::min_element(alphas.begin(), alphas.end(),
                                             [](double a, double b) { return std::abs(a) < std::abs(b); });
    std::vector<double> some{alphas.front(), nearest, alphas.back()};
    some.erase(std::unique(some.begin(), some.end()), some.end());
    return some;
}

} // namespace

study_figure unit_selectivity_figure(const ordered_networks& networks) {
    study_figure figure{.name = "selectivity",
                        .heading = "Selectivity of units",
                        .meaning = "Shows the distribution of the selectivity of the units of each layer: a "
                                   "shape is wide at values that many units have."};
    std::vector<plot_panel> panels;
    const std::size_t layers = clean_layers(networks.first).size();
    for (std::size_t l = 0; l < layers; ++l) panels.push_back(selectivity_panel(networks, l));
    figure.csv = networks.csv_keys() + "layer,unit,index\n";
    for (const network_result* network : networks.all) {
        for (const auto& layer : clean_layers(*network)) {
            std::size_t unit = 0;
            for (const double index : layer.report.selectivity->measured.index) {
                figure.csv += networks.csv_of(*network) + csv_field(layer.report.name) + "," +
                              std::to_string(unit++) + "," + csv_field(index) + "\n";
            }
        }
    }
    figure.caption = networks.counted() + "; class selectivity index of every unit" +
                     (networks.models.empty() ? ", units of all seeds together; " : "; ") +
                     with_commas(networks.first.clean.images) +
                     " clean images. Width: share of the units, the most frequent bin of " +
                     std::to_string(selectivity_bins) +
                     " being widest; bar: median; dot: mean. No band: the distribution itself is shown.";
    const panel_grid grid{.panels = std::move(panels), .columns = std::clamp<std::size_t>(layers, 3, 4)};
    figure.drawing = {grid.commands(), grid.width, grid.height()};
    return figure;
}

namespace {

// The conditions whose curves are shown.
std::vector<curve> curves_of(const ordered_networks& networks, const std::vector<double>& grid, double eps) {
    std::vector<curve> curves{{"clean", std::nullopt, "clean", "#222222"}};
    if (networks.first.mean_corruption_accuracy)
        curves.push_back({"corrupted", condition_group::corruptions, "corrupted, severity 3", "#009e73"});
    if (!grid.empty()) {
        curves.push_back({"pgd", condition_group::attack, "PGD " + networks.size_text(eps), "#aa3377"});
        curves.push_back(
            {"random", condition_group::random, "random signs " + networks.size_text(eps), "#d6a400"});
    }
    return curves;
}

std::string cumulative_csv(const ordered_networks& networks, const std::vector<curve>& curves,
                           std::size_t layer, double eps) {
    std::string csv = networks.csv_keys() + "condition,component,cumulative_share\n";
    for (const network_result* network : networks.all) {
        for (const curve& each : curves) {
            std::size_t component = 0;
            for (const double share : cumulative(*network, each.group, layer, eps))
                csv += networks.csv_of(*network) + each.name + "," + std::to_string(++component) + "," +
                       csv_field(share) + "\n";
        }
    }
    return csv;
}

// The curves of the networks of one alpha; empty if none of them has any variance.
std::optional<plot_panel> cumulative_panel(const ordered_networks& networks, const std::vector<curve>& curves,
                                           std::size_t layer, double eps, double alpha) {
    std::vector<banded_line> lines;
    std::vector<double> shown{1.0};
    std::size_t components = 1;
    for (const curve& each : curves) {
        banded_line& line = lines.emplace_back(banded_line{each.color, 0, {}, {}});
        for (const network_result* network : networks.of_alpha(alpha)) {
            const auto shares = cumulative(*network, each.group, layer, eps);
            components = std::max(components, shares.size());
            if (!shares.empty()) shown.push_back(shares.front());
            for (std::size_t k = 0; k < shares.size(); ++k) {
                if (line.x.size() == k) {
                    line.x.push_back(static_cast<double>(k + 1));
                    line.values.emplace_back();
                }
                line.values[k].push_back(shares[k]);
            }
        }
    }
    if (shown.size() == 1) return std::nullopt;
    const double least = *std::min_element(shown.begin(), shown.end());
    return line_panel(networks.key() + " " + networks.label(alpha), "components", lines,
                      "set logscale x\nset xtics (1,2,4,8,16,32,64,128,256,512)\nset xrange [1:" +
                          std::to_string(std::max<std::size_t>(2, components)) + "]\n" +
                          set_range("y", {std::max(0.0, least - 0.05), 1.01}) +
                          horizontal_line(0.95, gray, "95 %"));
}

} // namespace

study_figure cumulative_variance_figure(const ordered_networks& networks) {
    study_figure figure{.name = "cumulative-variance",
                        .heading = "Variance of an early layer",
                        .meaning = "Shows how much of the variance the first components of a layer hold: the "
                                   "faster a line rises, the fewer dimensions the layer uses."};
    const std::size_t early = early_layers(networks.first);
    const reference_result& reference = networks.first.reference;
    if (early == 0 || !reference.layers[early - 1].cumulative_variance) {
        figure.left_out = "there is no early layer whose spectrum was kept";
        return figure;
    }
    const std::size_t layer = early - 1;
    const std::vector<double> grid = attack_sizes(networks.first);
    const double eps = grid.empty() ? 0.0 : grid.back();
    const std::vector<curve> curves = curves_of(networks, grid, eps);
    panel_grid drawn;
    for (const curve& each : curves) drawn.legend.push_back({each.label, each.color, 7});
    for (const double alpha : telling_alphas(networks.alphas)) {
        if (auto panel = cumulative_panel(networks, curves, layer, eps, alpha))
            drawn.panels.push_back(std::move(*panel));
    }
    if (drawn.panels.empty()) {
        figure.left_out = "the activations of the early layer do not vary";
        return figure;
    }
    figure.csv = cumulative_csv(networks, curves, layer, eps);
    figure.drawing = {drawn.commands(), drawn.width, drawn.height()};
    figure.caption =
        "Share of the variance of the channel means of " + reference.layers[layer].name +
        " that the first components hold; " + networks.counted() +
        (networks.models.empty() ? ", of which the lowest alpha, the one nearest to 0 and the highest "
                                   "are shown"
                                 : "") +
        "; the same " + with_commas(reference.images) +
        " images under each condition, corruptions measured one by one and then averaged. " +
        band_text(networks);
    return figure;
}

study_figure dimensionality_by_depth_figure(const ordered_networks& networks) {
    study_figure figure{.name = "dimensionality",
                        .heading = "Dimensionality and depth",
                        .meaning =
                            "Shows how many dimensions the layers use, from the first layer to the last."};
    struct titled_measure {
        dimension_measure measure;
        const char* title;
    };
    constexpr std::array<titled_measure, 2> measures{
        {{dimension_measure::components_interpolated, "components for 95 % of variance / units"},
         {dimension_measure::participation_ratio, "participation ratio / units"}}};
    std::vector<std::string> names;
    for (const auto& layer : clean_layers(networks.first)) names.push_back(layer.report.name);
    const named_axis axis = layer_axis(names);
    std::vector<plot_panel> panels;
    for (const titled_measure& each : measures) {
        std::vector<banded_line> lines;
        std::vector<double> all{0.0};
        for (const double alpha : networks.alphas) {
            const legend_entry look = networks.style(alpha);
            banded_line& line = lines.emplace_back(banded_line{look.color, look.shape, {}, {}});
            for (std::size_t l = 0; l < names.size(); ++l) {
                line.x.push_back(static_cast<double>(l));
                auto& values = line.values.emplace_back();
                for (const network_result* network : networks.of_alpha(alpha)) {
                    const layer_report& layer = clean_layers(*network)[l].report;
                    const double share =
                        measure_of(layer.dimensionality, each.measure) / static_cast<double>(layer.units);
                    if (!std::isfinite(share)) continue;
                    values.push_back(share);
                    all.push_back(share);
                }
            }
        }
        if (all.size() == 1) continue;
        panels.push_back(line_panel(
            each.title, "", lines,
            axis.commands +
                set_range("y", {0.0, 1.06 * std::max(1e-3, *std::max_element(all.begin(), all.end()))})));
    }
    if (panels.empty()) {
        figure.left_out = "no layer has any variance";
        return figure;
    }
    figure.csv = networks.csv_keys() + "layer,units,components_interpolated_95,participation_ratio,"
                                       "participation_ratio_unbiased\n";
    for (const network_result* network : networks.all) {
        for (const auto& layer : clean_layers(*network)) {
            figure.csv += networks.csv_of(*network) + csv_field(layer.report.name) + "," +
                          std::to_string(layer.report.units);
            for (const dimension_measure measure : dimension_measures)
                figure.csv += "," + csv_field(measure_of(layer.report.dimensionality, measure));
            figure.csv += "\n";
        }
    }
    figure.caption = networks.counted() + "; channel means of " + with_commas(networks.first.clean.images) +
                     " clean images; the first half of the layers, rounded down, are early ones. " +
                     band_text(networks);
    panel_grid grid{.panels = std::move(panels),
                    .columns = 2,
                    .legend_title = networks.key(),
                    .legend = networks.legend(),
                    .below = axis.height};
    figure.drawing = {grid.commands(), grid.width, grid.height()};
    return figure;
}

} // namespace program
