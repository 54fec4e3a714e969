#pragma once

#include "render/plot.hpp"
#include "study/report/figures/figures.hpp"
#include "study/report/outcomes.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace program {

/// A number of a layer of a network; NaN where it has none.
using depth_number = std::function<double(const network_result& network, std::size_t layer)>;

/// Panels of numbers by layer, a line per alpha or model, and their CSV table, which become a figure.
class depth_panels {
  public:
    depth_panels(const ordered_networks& networks, study_figure& figure);

    /// A panel and the name of its numbers in the CSV table.
    struct panel {
        std::string title;
        std::string name;
        depth_number value;
    };
    enum class scale { linear, logarithmic };

    /// Adds a panel with a range of its own; nothing if no number is finite.
    void add(const panel& what);
    /// Adds panels that share a range. A logarithmic scale takes effect if every number is above 0.
    void add_row(const std::vector<panel>& row, scale y);
    /// Draws the panels in so many columns; without panels the figure is left out for `reason`.
    void finish(const std::string& reason, const std::string& caption, std::size_t columns);
    /// The same in two or three columns.
    void finish(const std::string& reason, const std::string& caption);

  private:
    [[nodiscard]] std::vector<double> finite_numbers(const depth_number& value) const;
    void draw(const panel& what, const std::string& y);

    const ordered_networks& networks_;
    study_figure& figure_;
    named_axis axis_;
    std::vector<plot_panel> panels_;
};

/// Returns the mean of a number of a layer over the conditions of a group, those without it left out; NaN
/// without any.
double mean_under(const network_result& network, condition_group group, double eps, std::size_t layer,
                  const std::function<double(const compared_layer&)>& value);

} // namespace program
