#include "measure/report/figures.hpp"

#include "render/gnuplot.hpp"
#include "render/plot.hpp"
#include "render/text_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace program {

namespace {

std::string histogram(const selectivity_report& report) {
    constexpr std::size_t bins = 25;
    std::array<double, bins> counts{};
    for (const double index : report.measured.index) {
        if (!std::isfinite(index)) continue;
        const auto bin = static_cast<std::size_t>(std::clamp(index, 0.0, 1.0) * bins);
        counts[std::min(bin, bins - 1)] += 1;
    }
    std::vector<std::vector<double>> rows;
    for (std::size_t b = 0; b < bins; ++b) rows.push_back({(static_cast<double>(b) + 0.5) / bins, counts[b]});
    std::string text = data_block("bins", rows) + plot_style +
                       "set xrange [0:1]\nset yrange [0:*]\nset offsets 0,0,graph 0.12,0\n"
                       "set xlabel 'class selectivity index'\nset ylabel 'units'\nunset key\n"
                       "set style fill solid 0.75 noborder\nset boxwidth 0.9 relative\n";
    if (std::isfinite(report.measured.mean))
        text += vertical_line(report.measured.mean, orange, "mean", 0.98);
    if (std::isfinite(report.null_mean)) text += vertical_line(report.null_mean, gray, "if shuffled", 0.9);
    return text + "plot $bins using 1:2 with boxes lc rgb " + blue + "\n";
}

std::string spectrum(const repscope::dimensionality_result& measured) {
    const auto& values = measured.spectrum;
    const double total = std::accumulate(values.begin(), values.end(), 0.0);
    if (!(total > 0.0))
        return plot_style +
               std::string(
                   "unset key\nset xrange [0:1]\nset yrange [0:1]\nunset tics\nset label "
                   "'all samples are equal: there is no variance' at graph 0.5,0.5 center\nplot NaN\n");
    std::vector<std::vector<double>> rows;
    for (std::size_t k = 0; k < values.size(); ++k) {
        // What is left of rounding would stretch the scale over nothing.
        if (values[k] / total < 1e-12) break;
        rows.push_back({static_cast<double>(k + 1), values[k] / total});
    }
    std::string text = data_block("spectrum", rows) + plot_style +
                       "set logscale y\nset xlabel 'principal component'\n"
                       "set ylabel 'share of variance'\nset format y '%g'\nunset key\nset xrange [0:" +
                       plot_number(static_cast<double>(rows.size()) * 1.2 + 1) +
                       "]\nset offsets 0,0,graph 0.1,0\n";
    constexpr std::array<const char*, 3> names{"90 %", "95 %", "99 %"};
    constexpr std::array<double, 3> heights{0.98, 0.90, 0.82};
    for (std::size_t k = 0; k < names.size(); ++k) {
        text +=
            vertical_line(static_cast<double>(measured.components[k]), k == 1 ? orange : gray,
                          std::string(names[k]) + ": " + std::to_string(measured.components[k]), heights[k]);
    }
    const std::string points = rows.size() < 40 ? "linespoints pt 7 ps 0.4" : "lines";
    return text + "plot $spectrum using 1:2 with " + points + " lw 2 lc rgb " + blue + "\n";
}

std::string depth_axis(const std::vector<layer_report>& layers) {
    std::vector<std::string> names;
    for (const layer_report& layer : layers) names.push_back(layer.name);
    return layer_axis(names).commands;
}

std::string selectivity_by_depth(const std::vector<layer_report>& layers) {
    std::vector<std::vector<double>> rows;
    const bool compared = layers.front().comparison.has_value();
    double largest = 0.0;
    for (std::size_t k = 0; k < layers.size(); ++k) {
        const auto& report = *layers[k].selectivity;
        const double perturbed =
            compared ? layers[k].comparison->selectivity->measured.mean : report.measured.mean;
        rows.push_back({static_cast<double>(k), report.measured.mean, report.null_mean, perturbed});
        for (const double value : {report.measured.mean, perturbed}) {
            if (std::isfinite(value)) largest = std::max(largest, value);
        }
    }
    const std::string line = " with linespoints pt 7 ps 0.6 lw 2 lc rgb ";
    return data_block("depth", rows) + plot_style + depth_axis(layers) +
           "set yrange [0:" + plot_number(largest > 0 ? 1.25 * largest : 1.0) +
           "]\nset ylabel 'mean class selectivity'\nplot $depth using 1:2" + line + blue +
           " title 'measured'" +
           (compared ? ", $depth using 1:4" + line + orange + " title 'perturbed'" : std::string()) +
           ", $depth using 1:3 with linespoints pt 6 ps 0.5 lw 1.5 dt 2 lc rgb " + gray +
           " title 'if labels were shuffled'\n";
}

std::string dimensionality_by_depth(const std::vector<layer_report>& layers) {
    std::vector<std::vector<double>> rows;
    const auto measures = layers.front().measures;
    const bool has_ratio = measures.contains(repscope::analysis::measure::participation_ratio);
    const bool has_components = measures.contains(repscope::analysis::measure::components);
    for (std::size_t k = 0; k < layers.size(); ++k) {
        const auto& measured = layers[k].dimensionality;
        rows.push_back({static_cast<double>(k), measured.participation_ratio,
                        static_cast<double>(measured.components[1]), static_cast<double>(layers[k].units)});
    }
    const std::string line = " with linespoints pt 7 ps 0.6 lw 2 lc rgb ";
    return data_block("depth", rows) + plot_style + depth_axis(layers) +
           "set logscale y\nset yrange [0.9:*]\nset offsets 0,0,graph 0.3,0\nset ylabel 'dimensions'\n"
           "plot " +
           (has_ratio ? "$depth using 1:2" + line + blue + " title 'participation ratio', " : std::string()) +
           (has_components ? "$depth using 1:3" + line + orange + " title '95 % of variance', "
                           : std::string()) +
           "$depth using 1:4 with linespoints pt 6 ps 0.5 lw 1.5 dt 2 lc rgb " + gray + " title 'units'\n";
}

} // namespace

measure_figures draw_figures(const measure_result& result) {
    const std::vector<layer_report>& layers = result.layers;
    measure_figures figures;
    figures.layers.resize(layers.size());
    std::vector<plot> plots;
    std::vector<std::string*> places;
    const auto add = [&](std::string commands, std::string& place) {
        plots.push_back({.commands = std::move(commands)});
        places.push_back(&place);
    };
    const bool has_selectivity = layers.front().selectivity.has_value();
    if (has_selectivity) add(selectivity_by_depth(layers), figures.selectivity_by_depth);
    const auto measures = layers.front().measures;
    using repscope::analysis::measure;
    if (measures.contains_any({measure::participation_ratio, measure::components}))
        add(dimensionality_by_depth(layers), figures.dimensionality_by_depth);
    if (result.similarity) {
        plots.push_back(similarity_figure(*result.similarity));
        places.push_back(&figures.similarity);
    }
    for (std::size_t k = 0; k < layers.size(); ++k) {
        if (has_selectivity) add(histogram(*layers[k].selectivity), figures.layers[k].selectivity);
        if (measures.contains_any(repscope::analysis::spectrum_measures))
            add(spectrum(layers[k].dimensionality), figures.layers[k].spectrum);
    }
    const std::vector<std::string> drawn = draw(plots);
    if (drawn.size() != plots.size()) return figures;
    for (std::size_t k = 0; k < drawn.size(); ++k) *places[k] = drawn[k];
    figures.drawn = true;
    return figures;
}

} // namespace program
