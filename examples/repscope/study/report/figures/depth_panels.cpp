#include "study/report/figures/depth_panels.hpp"

#include "render/csv.hpp"
#include "study/report/figures/plots.hpp"

#include <repscope/statistics/summary.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace program {

namespace {

// The names of many layers do not fit below panels side by side: numbers replace them.
constexpr std::size_t max_named_layers = 6;

std::vector<std::string> names_on_axis(const network_result& network) {
    const auto& layers = network.clean.layers;
    std::vector<std::string> names;
    for (std::size_t l = 0; l < layers.size(); ++l)
        names.push_back(layers.size() <= max_named_layers ? layers[l].report.name : std::to_string(l + 1));
    return names;
}

// A logarithmic axis that shows the numbers from `low`, above 0, to `high`, with a few tics of round numbers.
std::string logarithmic_axis(double low, double high) {
    const axis_range range{low / 1.3, high * 1.3};
    const bool is_wide = range.high > 1e3 * range.low;
    std::string tics;
    for (double power = std::pow(10.0, std::floor(std::log10(range.low))); power <= range.high; power *= 10) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            if (is_wide && factor != 1.0) continue;
            tics += (tics.empty() ? "" : ",") + plot_number(factor * power);
        }
    }
    return "set logscale y\nset ytics (" + tics + ")\n" + set_range("y", range);
}

} // namespace

depth_panels::depth_panels(const ordered_networks& networks, study_figure& figure)
    : networks_(networks), figure_(figure), axis_(layer_axis(names_on_axis(networks.first))) {
    figure_.csv = networks.csv_keys() + "quantity,layer,value\n";
}

std::vector<double> depth_panels::finite_numbers(const depth_number& value) const {
    std::vector<double> numbers;
    for (const network_result* network : networks_.all) {
        for (std::size_t l = 0; l < network->clean.layers.size(); ++l) {
            const double number = value(*network, l);
            if (std::isfinite(number)) numbers.push_back(number);
        }
    }
    return numbers;
}

void depth_panels::draw(const panel& what, const std::string& y) {
    std::vector<banded_line> lines;
    for (const double alpha : networks_.alphas) {
        const legend_entry look = networks_.style(alpha);
        banded_line& line = lines.emplace_back(banded_line{look.color, look.shape, {}, {}});
        for (std::size_t l = 0; l < networks_.first.clean.layers.size(); ++l) {
            line.x.push_back(static_cast<double>(l));
            auto& values = line.values.emplace_back();
            for (const network_result* network : networks_.of_alpha(alpha)) {
                const double number = what.value(*network, l);
                if (std::isfinite(number)) values.push_back(number);
            }
        }
    }
    panels_.push_back(line_panel(what.title, "", lines, axis_.commands + y));
    for (const network_result* network : networks_.all) {
        for (std::size_t l = 0; l < network->clean.layers.size(); ++l)
            figure_.csv += networks_.csv_of(*network) + what.name + "," +
                           csv_field(network->clean.layers[l].report.name) + "," +
                           csv_field(what.value(*network, l)) + "\n";
    }
}

void depth_panels::add(const panel& what) {
    std::vector<double> numbers = finite_numbers(what.value);
    if (numbers.empty()) return;
    numbers.push_back(0.0);
    draw(what, set_range("y", range_of(numbers, 0.02)));
}

void depth_panels::add_row(const std::vector<panel>& row, scale y) {
    std::vector<double> together;
    for (const panel& each : row) {
        const auto numbers = finite_numbers(each.value);
        together.insert(together.end(), numbers.begin(), numbers.end());
    }
    if (together.empty()) return;
    const auto [low, high] = std::minmax_element(together.begin(), together.end());
    const std::string range = y == scale::logarithmic && *low > 0.0
                                  ? logarithmic_axis(*low, *high)
                                  : set_range("y", range_of(together, 0.02));
    for (const panel& each : row) draw(each, range);
}

void depth_panels::finish(const std::string& reason, const std::string& caption) {
    finish(reason, caption, std::clamp<std::size_t>(panels_.size(), 2, 3));
}

void depth_panels::finish(const std::string& reason, const std::string& caption, std::size_t columns) {
    if (panels_.empty()) {
        figure_.left_out = reason;
        return;
    }
    const panel_grid grid{.panels = std::move(panels_),
                          .columns = columns,
                          .legend_title = networks_.key(),
                          .legend = networks_.legend(),
                          .below = axis_.height};
    figure_.drawing = {grid.commands(), grid.width, grid.height()};
    figure_.caption = networks_.counted() + "; " + caption;
    if (networks_.first.clean.layers.size() > max_named_layers)
        figure_.caption += " Layers are numbered in their order.";
}

double mean_under(const network_result& network, condition_group group, double eps, std::size_t layer,
                  const std::function<double(const compared_layer&)>& value) {
    repscope::running_mean mean;
    for (const condition_result& condition : network.conditions) {
        if (!belongs(condition, group, eps) || layer >= condition.layers.size()) continue;
        const double number = value(condition.layers[layer]);
        if (std::isfinite(number)) mean.add(number);
    }
    return mean.value();
}

} // namespace program
