#include "measure_figures.hpp"

#include "gnuplot.hpp"
#include "text_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace program {

namespace {

constexpr const char* style = "set border 3 lc rgb '#888888'\nset tics nomirror tc rgb '#333333'\nset grid "
                              "ytics lc rgb '#e4e4e4' lt 1\n"
                              "set key top right tc rgb '#333333' samplen 2\n";
constexpr const char* blue = "'#2b6cb0'";
constexpr const char* orange = "'#c05621'";
constexpr const char* grey = "'#777777'";

std::string number(double value) { return std::isfinite(value) ? shortest(value) : "NaN"; }

// A data block: rows of numbers.
std::string block(const std::string& name, const std::vector<std::vector<double>>& rows) {
    std::string text = "$" + name + " << EOD\n";
    for (const auto& row : rows) {
        for (const double value : row) text += number(value) + " ";
        text += "\n";
    }
    return text + "EOD\n";
}

std::string vertical(double x, const std::string& colour, const std::string& label, double height) {
    return "set arrow from first " + number(x) + ", graph 0 to first " + number(x) + ", graph " +
           number(height) + " nohead lc rgb " + colour + " lw 1.5 dt 2\nset label " + gnuplot_string(label) +
           " at first " + number(x) + ", graph " + number(height) + " offset 0.4,0 tc rgb " + colour + "\n";
}

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
    std::string text = block("bins", rows) + style +
                       "set xrange [0:1]\nset yrange [0:*]\nset offsets 0,0,graph 0.12,0\n"
                       "set xlabel 'class selectivity index'\nset ylabel 'units'\nunset key\n"
                       "set style fill solid 0.75 noborder\nset boxwidth 0.9 relative\n";
    if (std::isfinite(report.measured.mean)) text += vertical(report.measured.mean, orange, "mean", 0.98);
    if (std::isfinite(report.null_mean)) text += vertical(report.null_mean, grey, "if shuffled", 0.9);
    return text + "plot $bins using 1:2 with boxes lc rgb " + blue + "\n";
}

std::string spectrum(const repscope::dimensionality_result& measured) {
    const auto& values = measured.spectrum;
    const double total = std::accumulate(values.begin(), values.end(), 0.0);
    if (!(total > 0.0))
        return style +
               std::string(
                   "unset key\nset xrange [0:1]\nset yrange [0:1]\nunset tics\nset label "
                   "'all samples are equal: there is no variance' at graph 0.5,0.5 center\nplot NaN\n");
    std::vector<std::vector<double>> rows;
    for (std::size_t k = 0; k < values.size(); ++k) {
        // What is left of rounding would stretch the scale over nothing.
        if (values[k] / total < 1e-12) break;
        rows.push_back({static_cast<double>(k + 1), values[k] / total});
    }
    std::string text = block("spectrum", rows) + style +
                       "set logscale y\nset xlabel 'principal component'\n"
                       "set ylabel 'share of variance'\nset format y '%g'\nunset key\nset xrange [0:" +
                       number(static_cast<double>(rows.size()) * 1.2 + 1) +
                       "]\nset offsets 0,0,graph 0.1,0\n";
    constexpr std::array<const char*, 3> names{"90 %", "95 %", "99 %"};
    constexpr std::array<double, 3> heights{0.98, 0.90, 0.82};
    for (std::size_t k = 0; k < names.size(); ++k) {
        text += vertical(static_cast<double>(measured.components[k]), k == 1 ? orange : grey,
                         std::string(names[k]) + ": " + std::to_string(measured.components[k]), heights[k]);
    }
    const std::string points = rows.size() < 40 ? "linespoints pt 7 ps 0.4" : "lines";
    return text + "plot $spectrum using 1:2 with " + points + " lw 2 lc rgb " + blue + "\n";
}

std::string layer_axis(const std::vector<layer_report>& layers) {
    std::string tics;
    std::size_t longest = 0;
    // Every name where there are few; else about twenty of them.
    const std::size_t step = (layers.size() + 19) / 20;
    for (std::size_t k = 0; k < layers.size(); k += step) {
        std::string name = layers[k].name;
        if (name.size() > 24) name = name.substr(0, 10) + "..." + name.substr(name.size() - 11);
        longest = std::max(longest, name.size());
        tics += (tics.empty() ? "" : ", ") + gnuplot_string(name) + " " + std::to_string(k);
    }
    const bool crowded = longest * layers.size() / step > 50;
    return "set xtics " + std::string(crowded ? "rotate by -40 " : "") + "(" + tics +
           ")\nset xrange [-0.5:" + number(static_cast<double>(layers.size()) - 0.5) + "]\n";
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
    return block("depth", rows) + style + layer_axis(layers) +
           "set yrange [0:" + number(largest > 0 ? 1.25 * largest : 1.0) +
           "]\nset ylabel 'mean class selectivity'\nplot $depth using 1:2" + line + blue +
           " title 'measured'" +
           (compared ? ", $depth using 1:4" + line + orange + " title 'perturbed'" : std::string()) +
           ", $depth using 1:3 with linespoints pt 6 ps 0.5 lw 1.5 dt 2 lc rgb " + grey +
           " title 'if labels were shuffled'\n";
}

std::string dimensionality_by_depth(const std::vector<layer_report>& layers) {
    std::vector<std::vector<double>> rows;
    for (std::size_t k = 0; k < layers.size(); ++k) {
        const auto& measured = layers[k].dimensionality;
        rows.push_back({static_cast<double>(k), measured.participation_ratio,
                        static_cast<double>(measured.components[1]), static_cast<double>(layers[k].units)});
    }
    const std::string line = " with linespoints pt 7 ps 0.6 lw 2 lc rgb ";
    return block("depth", rows) + style + layer_axis(layers) +
           "set logscale y\nset yrange [0.9:*]\nset offsets 0,0,graph 0.3,0\nset ylabel 'dimensions'\n"
           "plot $depth using 1:2" +
           line + blue + " title 'participation ratio', $depth using 1:3" + line + orange +
           " title '95 % of variance', $depth using 1:4 with linespoints pt 6 ps 0.5 lw 1.5 dt 2 lc rgb " +
           grey + " title 'units'\n";
}

} // namespace

measure_figures draw_figures(const std::vector<layer_report>& layers) {
    measure_figures figures;
    figures.layers.resize(layers.size());
    std::vector<std::string> plots;
    std::vector<std::string*> places;
    const auto add = [&](std::string plot, std::string& place) {
        plots.push_back(std::move(plot));
        places.push_back(&place);
    };
    const bool has_selectivity = layers.front().selectivity.has_value();
    if (has_selectivity) add(selectivity_by_depth(layers), figures.selectivity_by_depth);
    add(dimensionality_by_depth(layers), figures.dimensionality_by_depth);
    for (std::size_t k = 0; k < layers.size(); ++k) {
        if (has_selectivity) add(histogram(*layers[k].selectivity), figures.layers[k].selectivity);
        add(spectrum(layers[k].dimensionality), figures.layers[k].spectrum);
    }
    const std::vector<std::string> drawn = draw(plots);
    if (drawn.size() != plots.size()) return figures;
    for (std::size_t k = 0; k < drawn.size(); ++k) *places[k] = drawn[k];
    figures.drawn = true;
    return figures;
}

} // namespace program
