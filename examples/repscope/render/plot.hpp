#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace program {

// What the figures of the reports are made of: commands of gnuplot.

/// Borders, tics and grid of every figure.
inline constexpr const char* plot_style = "set border 3 lc rgb '#888888'\nset tics nomirror tc rgb "
                                          "'#333333'\nset grid ytics lc rgb '#e4e4e4' lt 1\n"
                                          "set key top right tc rgb '#333333' samplen 2\n";

inline constexpr const char* blue = "'#2b6cb0'";
inline constexpr const char* orange = "'#c05621'";
inline constexpr const char* gray = "'#777777'";

/// A number for gnuplot, which leaves out points that are "NaN".
std::string plot_number(double value);

/// Rows of numbers under a name, `$name`; an empty row breaks a line.
std::string data_block(const std::string& name, const std::vector<std::vector<double>>& rows);

/// A dashed vertical line at `x` with a label. It begins at the axis; `height` is its share of the height of
/// the figure.
std::string vertical_line(double x, const std::string& color, const std::string& label, double height);

/// A dashed line across at `y`; the label is above its right end, or above its left one.
std::string horizontal_line(double y, const std::string& color, const std::string& label,
                            bool label_left = false);

/// An interval of an axis.
struct axis_range {
    double low = 0.0;
    double high = 1.0;
};

/// What shows all of `values` that are finite, with some room; at least `least` wide, and from 0 to 1 of
/// none.
axis_range range_of(const std::vector<double>& values, double least);
/// Tics at round numbers, at most so many steps of them.
std::string set_tics(const std::string& axis, const axis_range& range, std::size_t most);
std::string set_range(const std::string& axis, const axis_range& range);

/// A name for an axis: cut in the middle if it is long.
std::string axis_name(const std::string& name);

/// An x axis with names at 0, 1, ...: the commands of gnuplot, and the height below the plot in pixels.
struct named_axis {
    std::string commands;
    std::size_t height = 52;
};
/// About twenty of them are written; long names are cut in the middle.
named_axis layer_axis(const std::vector<std::string>& names);

/// One of several plots that share a figure.
struct plot_panel {
    std::string title;    ///< above it, flush left
    std::string x_label;  ///< below it
    std::string commands; ///< settings, and the command that plots
};

/// An entry of the legend above the panels.
struct legend_entry {
    std::string label;
    std::string color; ///< "#rrggbb"
    int shape = 7;     ///< point type
};

/// Panels from left to right and from top to bottom, under a legend.
struct panel_grid {
    std::vector<plot_panel> panels;
    std::size_t columns = 3;
    std::string legend_title = {};
    std::vector<legend_entry> legend = {};
    std::size_t width = 1120;
    std::size_t panel_height = 296;
    std::size_t left = 56;  ///< room for the labels of the y axes
    std::size_t below = 52; ///< room for those of the x axes

    [[nodiscard]] std::size_t height() const;
    [[nodiscard]] std::string commands() const;

  private:
    struct place {
        double x = 0.0; // in pixels
        std::size_t row = 0;
    };
    /// Returns the places of the entries of the legend, which continues in a second row if the first is full.
    [[nodiscard]] std::vector<place> legend_places() const;
    [[nodiscard]] std::size_t legend_size() const;
};

} // namespace program
