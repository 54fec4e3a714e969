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
#include <nlohmann/json.hpp>

namespace program {

namespace {

using json = nlohmann::ordered_json;

const json& clean_layers(const json& network) { return network["conditions"][0]["layers"]; }

// Finite numbers of an array.
std::vector<double> numbers(const json& array) {
    std::vector<double> values;
    for (const auto& value : array) {
        if (value.is_number()) values.push_back(value.get<double>());
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
    std::vector<std::vector<double>> bars; // x, y, then the ends of both, and the color
    std::vector<std::vector<double>> means;
    std::vector<std::vector<double>> medians;
    std::string tics;
    for (std::size_t k = 0; k < networks.alphas.size(); ++k) {
        const double alpha = networks.alphas[k];
        const auto x = static_cast<double>(k);
        tics += (k == 0 ? "" : ", ") + gnuplot_string(shortest(alpha)) + " " + std::to_string(k);
        std::vector<double> indices;
        for (const json* network : networks.of_alpha(alpha)) {
            const auto own = numbers(clean_layers(*network)[layer]["selectivity"]["index"]);
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
        clean_layers(networks.first)[layer]["name"].get<std::string>() + ", " +
            clean_layers(networks.first)[layer]["units"].dump() + " units",
        "alpha",
        data_block("bars", bars) + data_block("means", means) + data_block("medians", medians) +
            "set xtics (" + tics + ")\nset yrange [0:1]\n" +
            set_range("x", {-0.6, static_cast<double>(networks.alphas.size()) - 0.4}) +
            "set style fill solid 0.85 noborder\nplot $bars using 1:2:3:4:5:6:7 with boxxyerror lc rgb "
            "variable, $medians using 1:2:3:4 with vectors nohead lw 1.6 lc rgb '#111111', $means using 1:2 "
            "with points pt 7 ps 0.55 lc rgb '#111111'\n"};
}

struct curve {
    const char* name; // as the CSV has it
    std::string label;
    const char* color;
};

// Cumulative variance of a layer: a list a network. Corruptions: mean over those of which it was kept.
std::vector<double> cumulative(const json& network, const std::string& name, std::size_t layer, double eps) {
    if (name == "clean") return numbers(network["reference"]["layers"][layer]["cumulative_variance"]);
    std::vector<double> sum;
    double count = 0.0;
    for (const auto& condition : network["conditions"]) {
        const bool belongs = name == "corrupted" ? condition["kind"] == "corruption"
                             : name == "pgd" ? condition["kind"] == "attack" && condition["name"] == "pgd" &&
                                                   condition["eps"] == eps
                                             : condition["kind"] == "random" && condition["eps"] == eps;
        if (!belongs || !condition["layers"][layer].contains("cumulative_variance")) continue;
        const auto shares = numbers(condition["layers"][layer]["cumulative_variance"]);
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
    study_figure figure{.name = "selectivity", .heading = "Selectivity of units"};
    std::vector<plot_panel> panels;
    const std::size_t layers = clean_layers(networks.first).size();
    for (std::size_t l = 0; l < layers; ++l) panels.push_back(selectivity_panel(networks, l));
    figure.csv = "alpha,seed,layer,unit,index\n";
    for (const json* network : networks.all) {
        for (const auto& layer : clean_layers(*network)) {
            std::size_t unit = 0;
            for (const auto& index : layer["selectivity"]["index"]) {
                figure.csv += csv_of(*network) + csv_field(layer["name"].get<std::string>()) + "," +
                              std::to_string(unit++) + "," +
                              (index.is_number() ? csv_field(index.get<double>()) : "") + "\n";
            }
        }
    }
    figure.caption = networks.counted() +
                     "; class selectivity index of every unit, units of all seeds together; " +
                     with_commas(networks.first["conditions"][0]["images"].get<std::size_t>()) +
                     " clean images. Width: share of the units, the most frequent bin of " +
                     std::to_string(selectivity_bins) +
                     " being widest; bar: median; dot: mean. No band: the distribution itself is shown.";
    const panel_grid grid{.panels = std::move(panels), .columns = std::clamp<std::size_t>(layers, 3, 4)};
    figure.drawing = {grid.commands(), grid.width, grid.height()};
    return figure;
}

study_figure cumulative_variance_figure(const ordered_networks& networks) {
    study_figure figure{.name = "cumulative-variance", .heading = "Variance of an early layer"};
    const std::size_t early = early_layers(networks.first);
    const json& reference = networks.first["reference"];
    if (early == 0 || !reference["layers"][early - 1].contains("cumulative_variance")) {
        figure.left_out = "there is no early layer whose spectrum was kept";
        return figure;
    }
    const std::size_t layer = early - 1;
    const std::vector<double> grid = attack_sizes(networks.first);
    const double eps = grid.empty() ? 0.0 : grid.back();
    std::vector<curve> curves{{"clean", "clean", "#222222"}};
    if (!networks.first["mean_corruption_accuracy"].is_null())
        curves.push_back({"corrupted", "corrupted, severity 3", "#009e73"});
    if (!grid.empty()) {
        curves.push_back({"pgd", "PGD " + eps_text(eps), "#aa3377"});
        curves.push_back({"random", "random signs " + eps_text(eps), "#d6a400"});
    }
    figure.csv = "alpha,seed,condition,component,cumulative_share\n";
    for (const json* network : networks.all) {
        for (const curve& each : curves) {
            std::size_t component = 0;
            for (const double share : cumulative(*network, each.name, layer, eps))
                figure.csv += csv_of(*network) + each.name + "," + std::to_string(++component) + "," +
                              csv_field(share) + "\n";
        }
    }
    std::vector<plot_panel> panels;
    panel_grid drawn;
    for (const curve& each : curves) drawn.legend.push_back({each.label, each.color, 7});
    for (const double alpha : telling_alphas(networks.alphas)) {
        std::vector<banded_line> lines;
        std::vector<double> shown{1.0};
        std::size_t components = 1;
        for (const curve& each : curves) {
            banded_line& line = lines.emplace_back(banded_line{each.color, 0, {}, {}});
            for (const json* network : networks.of_alpha(alpha)) {
                const auto shares = cumulative(*network, each.name, layer, eps);
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
        if (shown.size() == 1) continue;
        const double least = *std::min_element(shown.begin(), shown.end());
        panels.push_back(line_panel(
            "alpha " + shortest(alpha), "components", lines,
            "set logscale x\nset xtics (1,2,4,8,16,32,64,128,256,512)\nset xrange [1:" +
                std::to_string(std::max<std::size_t>(2, components)) + "]\n" +
                set_range("y", {std::max(0.0, least - 0.05), 1.01}) + horizontal_line(0.95, gray, "95 %")));
    }
    if (panels.empty()) {
        figure.left_out = "the activations of the early layer do not vary";
        figure.csv.clear();
        return figure;
    }
    drawn.panels = std::move(panels);
    figure.drawing = {drawn.commands(), drawn.width, drawn.height()};
    figure.caption = "Share of the variance of the channel means of " +
                     reference["layers"][layer]["name"].get<std::string>() +
                     " that the first components hold; " + networks.counted() +
                     ", of which the lowest alpha, the one "
                     "nearest to 0 and the highest are shown; the same " +
                     with_commas(reference["images"].get<std::size_t>()) +
                     " images under each condition, corruptions measured one by one and then averaged. " +
                     band_text(networks);
    return figure;
}

study_figure dimensionality_by_depth_figure(const ordered_networks& networks) {
    study_figure figure{.name = "dimensionality", .heading = "Dimensionality and depth"};
    const std::array<titled_key, 2> quantities{
        {{"components_interpolated", "components for 95 % of variance / units"},
         {"participation_ratio", "participation ratio / units"}}};
    const json& layers = clean_layers(networks.first);
    std::vector<std::string> names;
    for (const auto& layer : layers) names.push_back(layer["name"]);
    const named_axis axis = layer_axis(names);
    std::vector<plot_panel> panels;
    for (const titled_key& each : quantities) {
        std::vector<banded_line> lines;
        std::vector<double> all{0.0};
        for (const double alpha : networks.alphas) {
            const legend_entry look = networks.style(alpha);
            banded_line& line = lines.emplace_back(banded_line{look.color, look.shape, {}, {}});
            for (std::size_t l = 0; l < names.size(); ++l) {
                line.x.push_back(static_cast<double>(l));
                auto& values = line.values.emplace_back();
                for (const json* network : networks.of_alpha(alpha)) {
                    const json& layer = clean_layers(*network)[l];
                    const double share =
                        measure_of(layer["dimensionality"], each.key) / layer["units"].get<double>();
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
    figure.csv = "alpha,seed,layer,units,components_interpolated_95,participation_ratio,"
                 "participation_ratio_unbiased\n";
    for (const json* network : networks.all) {
        for (const auto& layer : clean_layers(*network)) {
            const json& dimensionality = layer["dimensionality"];
            figure.csv += csv_of(*network) + csv_field(layer["name"].get<std::string>()) + "," +
                          layer["units"].dump() + "," +
                          csv_field(measure_of(dimensionality, "components_interpolated")) + "," +
                          csv_field(measure_of(dimensionality, "participation_ratio")) + "," +
                          csv_field(measure_of(dimensionality, "participation_ratio_unbiased")) + "\n";
        }
    }
    figure.caption = networks.counted() + "; channel means of " +
                     with_commas(networks.first["conditions"][0]["images"].get<std::size_t>()) +
                     " clean images; the first half of the layers, rounded down, are early ones. " +
                     band_text(networks);
    panel_grid grid{.panels = std::move(panels),
                    .columns = 2,
                    .legend_title = "alpha",
                    .legend = networks.legend(),
                    .below = axis.height};
    figure.drawing = {grid.commands(), grid.width, grid.height()};
    return figure;
}

} // namespace program
