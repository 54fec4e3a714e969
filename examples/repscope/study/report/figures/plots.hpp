#pragma once

#include "study/report/figures/figures.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace program {

// Ways of plotting that several figures of a study share.

/// A number of a network; NaN where it has none.
using network_number = std::function<double(const network_result& network)>;

/// A panel of networks against their mean selectivity: points colored by alpha, a line joins those of a
/// seed. `more` is written before the plot; `y` is the range, or that of the values.
plot_panel scatter_panel(const ordered_networks& networks, const std::string& title,
                         const network_number& value, const std::string& more = "",
                         const axis_range* y = nullptr, double least = 0.02);

/// The values of all networks.
std::vector<double> values_of(const ordered_networks& networks, const network_number& value);

/// A line: mean over some networks at each place, and the lowest and the highest of them.
struct banded_line {
    std::string color;
    int shape = 7; ///< point type; 0: none
    std::vector<double> x;
    std::vector<std::vector<double>> values; ///< of each x, one a network
};
/// A panel of lines. With several networks a band reaches from the lowest to the highest.
plot_panel line_panel(const std::string& title, const std::string& x_label,
                      const std::vector<banded_line>& lines, const std::string& more);

/// The sentence of captions on bands.
std::string band_text(const ordered_networks& networks);

/// A CSV table "alpha,seed,selectivity_mean,.." with a column for each of `columns`.
std::string network_csv(const ordered_networks& networks,
                        const std::vector<std::pair<std::string, network_number>>& columns);

/// A figure of panels, with the legend of alphas.
plot drawn_by_alpha(const ordered_networks& networks, std::vector<plot_panel> panels, std::size_t columns);

/// "4/255".
std::string eps_text(double eps);
/// "10,000".
std::string with_commas(std::size_t count);
/// "fog" of "fog", "gaussian noise" of "gaussian_noise".
std::string spaced(std::string name);

} // namespace program
