#include "study/report/figures/plots.hpp"

#include "render/csv.hpp"
#include "render/text_table.hpp"
#include "study/report/outcomes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>
#include <utility>

namespace program {

namespace {

std::string blended(const std::array<int, 3>& from, const std::array<int, 3>& to, double share) {
    std::array<char, 8> text{};
    std::array<int, 3> mixed{};
    for (std::size_t c = 0; c < 3; ++c)
        mixed[c] = static_cast<int>(std::lround(from[c] + share * (to[c] - from[c])));
    std::snprintf(text.data(), text.size(), "#%02x%02x%02x", static_cast<unsigned>(mixed[0]) & 255U,
                  static_cast<unsigned>(mixed[1]) & 255U, static_cast<unsigned>(mixed[2]) & 255U);
    return text.data();
}

// "0xrrggbb" as the number that variable colors take.
double color_number(const std::string& color) {
    return static_cast<double>(std::stoul(color.substr(1), nullptr, 16));
}

} // namespace

ordered_networks::ordered_networks(const study_result& whole, std::vector<std::string> names)
    : study(whole), models(std::move(names)), first(whole.networks[0]) {
    std::set<double> known_alphas;
    std::set<std::size_t> known_seeds;
    for (const auto& network : study.networks) {
        known_alphas.insert(network.alpha);
        known_seeds.insert(network.seed);
        all.push_back(&network);
    }
    alphas.assign(known_alphas.begin(), known_alphas.end());
    seeds.assign(known_seeds.begin(), known_seeds.end());
    std::sort(all.begin(), all.end(), [](const network_result* a, const network_result* b) {
        return std::pair(a->seed, a->alpha) < std::pair(b->seed, b->alpha);
    });
}

std::vector<const network_result*> ordered_networks::of_alpha(double alpha) const {
    std::vector<const network_result*> those;
    for (const network_result* network : all) {
        if (network->alpha == alpha) those.push_back(network);
    }
    return those;
}

std::string ordered_networks::counted() const {
    const auto words = [](std::size_t count, const char* noun) {
        return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
    };
    if (!models.empty()) return words(all.size(), "model");
    return words(all.size(), "network") + " (" + words(alphas.size(), "alpha") + ", " +
           words(seeds.size(), "seed") + ")";
}

std::string ordered_networks::label(double alpha) const {
    return models.empty() ? shortest(alpha) : models[static_cast<std::size_t>(alpha)];
}

std::string ordered_networks::csv_of(const network_result& network) const {
    if (!models.empty()) return csv_field(label(network.alpha)) + ",";
    return csv_field(network.alpha) + "," + std::to_string(network.seed) + ",";
}

std::vector<double> ordered_networks::sizes() const {
    std::vector<double> eps = attack_sizes(first);
    for (const condition_result& condition : first.conditions) {
        const bool is_known = std::find(eps.begin(), eps.end(), condition.eps) != eps.end();
        if (condition.kind != condition_kind::corruption && !is_known) eps.push_back(condition.eps);
    }
    std::sort(eps.begin(), eps.end());
    return eps;
}

double ordered_networks::size_number(double eps) const {
    return stated_eps(eps, study.options.norm, study.options.range);
}

std::string ordered_networks::size_text(double eps) const {
    return shortest(size_number(eps)) +
           (study.options.norm == "linf" ? "/255" : " (" + study.options.norm + ")");
}

std::string ordered_networks::size_label() const {
    return study.options.norm == "linf" ? "eps (255ths, linf)" : "eps (" + study.options.norm + ")";
}

legend_entry ordered_networks::style(double alpha) const {
    if (!models.empty()) {
        return alpha == 0.0 ? legend_entry{label(alpha), "#2b6cb0", 7}
                            : legend_entry{label(alpha), "#c05621", 9};
    }
    if (alpha == 0.0) return {"0", "#6f6f6f", 13};
    // How far out among those on its side: the nearest to 0 is the lightest.
    double nearer = 0.0;
    double side = 0.0;
    for (const double other : alphas) {
        if (other * alpha <= 0.0) continue;
        ++side;
        if (std::abs(other) < std::abs(alpha)) ++nearer;
    }
    const double share = side == 1.0 ? 0.7 : nearer / (side - 1.0);
    return alpha < 0.0 ? legend_entry{shortest(alpha), blended({128, 186, 222}, {8, 64, 129}, share), 7}
                       : legend_entry{shortest(alpha), blended({250, 176, 98}, {153, 52, 4}, share), 9};
}

std::vector<legend_entry> ordered_networks::legend() const {
    std::vector<legend_entry> entries;
    for (const double alpha : alphas) entries.push_back(style(alpha));
    return entries;
}

std::vector<double> values_of(const ordered_networks& networks, const network_number& value) {
    std::vector<double> values;
    for (const network_result* network : networks.all) values.push_back(value(*network));
    return values;
}

plot_panel scatter_panel(const ordered_networks& networks, const std::string& title,
                         const network_number& value, const std::string& more, const axis_range* y,
                         double least) {
    std::vector<std::vector<double>> rows;
    std::vector<double> selectivity;
    const network_result* before = nullptr;
    for (const network_result* network : networks.all) {
        if (before != nullptr && before->seed != network->seed) rows.emplace_back();
        before = network;
        const legend_entry look = networks.style(network->alpha);
        selectivity.push_back(network->selectivity_mean);
        rows.push_back(
            {selectivity.back(), value(*network), static_cast<double>(look.shape), color_number(look.color)});
    }
    const axis_range own = y == nullptr ? range_of(values_of(networks, value), least) : *y;
    axis_range x = range_of(selectivity, 0.1);
    x.low = std::max(0.0, x.low);
    return {title, "mean class selectivity",
            data_block("networks", rows) + set_range("x", x) + set_tics("x", x, 5) + set_range("y", own) +
                more +
                "plot $networks using 1:2 with lines lw 1 lc rgb '#bdbdbd', $networks using 1:2:3:4 with "
                "points pt variable ps 0.9 lc rgb variable\n"};
}

plot_panel line_panel(const std::string& title, const std::string& x_label,
                      const std::vector<banded_line>& lines, const std::string& more) {
    std::string blocks;
    std::string bands;
    std::string means;
    for (std::size_t k = 0; k < lines.size(); ++k) {
        const banded_line& line = lines[k];
        std::vector<std::vector<double>> rows;
        bool several = false;
        for (std::size_t i = 0; i < line.x.size(); ++i) {
            const auto& values = line.values[i];
            if (values.empty()) continue;
            double sum = 0.0;
            for (const double value : values) sum += value;
            const auto [low, high] = std::minmax_element(values.begin(), values.end());
            several = several || values.size() > 1;
            rows.push_back({line.x[i], sum / static_cast<double>(values.size()), *low, *high});
        }
        if (rows.empty()) continue;
        const std::string name = "line" + std::to_string(k);
        blocks += data_block(name, rows);
        const std::string color = " lc rgb " + gnuplot_string(line.color);
        if (several)
            bands += "$" + name + " using 1:3:4 with filledcurves fs transparent solid 0.18 noborder" +
                     color + ", ";
        means += "$" + name + " using 1:2 with " +
                 (line.shape == 0 ? std::string("lines")
                                  : "linespoints pt " + std::to_string(line.shape) + " ps 0.6") +
                 " lw 1.8" + color + ", ";
    }
    std::string plots = bands + means;
    plots.erase(plots.size() - std::min<std::size_t>(2, plots.size()));
    return {title, x_label, blocks + more + "plot " + plots + "\n"};
}

std::string band_text(const ordered_networks& networks) {
    if (!networks.models.empty()) return "A line per model, so there is no band.";
    return networks.seeds.size() == 1 ? "One seed, so there is no band."
                                      : "Line: mean over the " + std::to_string(networks.seeds.size()) +
                                            " seeds; band: from the lowest to the highest of them.";
}

std::string network_csv(const ordered_networks& networks,
                        const std::vector<std::pair<std::string, network_number>>& columns) {
    std::string text = networks.csv_keys() + "selectivity_mean";
    for (const auto& [name, value] : columns) text += "," + csv_field(name);
    text += "\n";
    for (const network_result* network : networks.all) {
        text += networks.csv_of(*network) + csv_field(network->selectivity_mean);
        for (const auto& [name, value] : columns) text += "," + csv_field(value(*network));
        text += "\n";
    }
    return text;
}

plot drawn_by_alpha(const ordered_networks& networks, std::vector<plot_panel> panels, std::size_t columns) {
    const panel_grid grid{.panels = std::move(panels),
                          .columns = columns,
                          .legend_title = networks.key(),
                          .legend = networks.legend()};
    return {grid.commands(), grid.width, grid.height()};
}

std::string eps_text(double eps) { return shortest(in_255ths(eps)) + "/255"; }

std::string with_commas(std::size_t count) {
    std::string digits = std::to_string(count);
    for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string spaced(std::string name) {
    std::replace(name.begin(), name.end(), '_', ' ');
    return name;
}

} // namespace program
