#include "render/plot.hpp"

#include "render/gnuplot.hpp"
#include "render/text_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace program {

namespace {

constexpr std::size_t legend_height = 34; // of its first row
constexpr std::size_t legend_row = 20;    // of any more
constexpr double above = 34.0;            // room for the title of a panel, in pixels

constexpr double letter = 7.2; // about the width of one, in pixels

double entry_width(const legend_entry& entry) {
    return letter * static_cast<double>(display_width(entry.label)) + 38.0;
}

std::string screen_label(const std::string& text, double x, double y) {
    return "set label " + gnuplot_string(text) + " at screen " + plot_number(x) + "," + plot_number(y) +
           " left tc rgb '#333333'";
}

} // namespace

std::string plot_number(double value) { return std::isfinite(value) ? shortest(value) : "NaN"; }

std::string data_block(const std::string& name, const std::vector<std::vector<double>>& rows) {
    std::string text = "$" + name + " << EOD\n";
    for (const auto& row : rows) {
        for (const double value : row) text += plot_number(value) + " ";
        text += "\n";
    }
    return text + "EOD\n";
}

std::string vertical_line(double x, const std::string& color, const std::string& label, double height) {
    return "set arrow from first " + plot_number(x) + ", graph 0 to first " + plot_number(x) + ", graph " +
           plot_number(height) + " nohead lc rgb " + color + " lw 1.5 dt 2\nset label " +
           gnuplot_string(label) + " at first " + plot_number(x) + ", graph " + plot_number(height) +
           " offset 0.4,0 tc rgb " + color + "\n";
}

std::string horizontal_line(double y, const std::string& color, const std::string& label, bool label_left) {
    return "set arrow from graph 0, first " + plot_number(y) + " to graph 1, first " + plot_number(y) +
           " nohead back lc rgb " + color + " lw 1.2 dt 2\nset label " + gnuplot_string(label) +
           (label_left ? " at graph 0.02, first " : " at graph 1, first ") + plot_number(y) +
           (label_left ? " left" : " right") + " offset 0,0.5 font ',10' tc rgb " + color + "\n";
}

axis_range range_of(const std::vector<double>& values, double least) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const double value : values) {
        if (!std::isfinite(value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (!(low <= high)) return {};
    const double missing = std::max(0.0, least - (high - low)) / 2;
    const double room = 0.08 * std::max(high - low, least);
    return {low - missing - room, high + missing + room};
}

std::string set_tics(const std::string& axis, const axis_range& range, std::size_t most) {
    const double smallest_step = (range.high - range.low) / static_cast<double>(most);
    const double power = std::pow(10.0, std::floor(std::log10(smallest_step)));
    double step = 10.0 * power;
    for (const double factor : {5.0, 2.5, 2.0, 1.0}) {
        if (factor * power >= smallest_step) step = factor * power;
    }
    return "set " + axis + "tics " + plot_number(step) + "\n";
}

std::string set_range(const std::string& axis, const axis_range& range) {
    return "set " + axis + "range [" + plot_number(range.low) + ":" + plot_number(range.high) + "]\n";
}

std::string axis_name(const std::string& name) {
    if (name.size() <= 24) return name;
    return name.substr(0, 10) + "..." + name.substr(name.size() - 11);
}

named_axis layer_axis(const std::vector<std::string>& names) {
    std::string tics;
    std::size_t longest = 0;
    const std::size_t step = (names.size() + 19) / 20;
    for (std::size_t k = 0; k < names.size(); k += step) {
        const std::string name = axis_name(names[k]);
        longest = std::max(longest, name.size());
        tics += (tics.empty() ? "" : ", ") + gnuplot_string(name) + " " + std::to_string(k);
    }
    const bool crowded = longest * names.size() / step > 50;
    return {"set xtics " + std::string(crowded ? "rotate by -40 " : "") + "(" + tics +
                ")\nset xrange [-0.5:" + plot_number(static_cast<double>(names.size()) - 0.5) + "]\n",
            crowded ? 26 + 5 * longest : std::size_t{30}};
}

std::vector<panel_grid::place> panel_grid::legend_places() const {
    const double title =
        legend_title.empty() ? 0.0 : letter * static_cast<double>(display_width(legend_title)) + 24.0;
    const double first = static_cast<double>(left) + title, end = static_cast<double>(width) - 20.0;
    std::vector<place> places;
    place next{first, 0};
    for (const legend_entry& entry : legend) {
        if (next.x > first && next.x + entry_width(entry) > end) next = {first, next.row + 1};
        places.push_back(next);
        next.x += entry_width(entry);
    }
    return places;
}

std::size_t panel_grid::legend_size() const {
    return legend.empty() ? 0 : legend_height + legend_row * legend_places().back().row;
}

std::size_t panel_grid::height() const {
    const std::size_t rows = (panels.size() + columns - 1) / columns;
    return rows * panel_height + legend_size();
}

std::string panel_grid::commands() const {
    const auto w = static_cast<double>(width);
    const auto h = static_cast<double>(height());
    const auto top = static_cast<double>(legend_size());
    const double column = w / static_cast<double>(columns);
    std::string text = "set multiplot\n";
    for (std::size_t k = 0; k < panels.size(); ++k) {
        const double x = static_cast<double>(k % columns) * column;
        const double y = top + static_cast<double>(k / columns) * static_cast<double>(panel_height);
        text += "reset\n";
        if (k == 0 && !legend.empty()) {
            const auto row_at = [&](std::size_t row) {
                return 1.0 - (0.5 * legend_height + static_cast<double>(legend_row * row)) / h;
            };
            if (!legend_title.empty())
                text += screen_label(legend_title, static_cast<double>(left) / w, row_at(0)) + "\n";
            const auto places = legend_places();
            for (std::size_t e = 0; e < legend.size(); ++e) {
                text += screen_label(legend[e].label, places[e].x / w, row_at(places[e].row)) +
                        " offset 0.8,-0.25 point pt " + std::to_string(legend[e].shape) + " ps 1 lc rgb " +
                        gnuplot_string(legend[e].color) + "\n";
            }
        }
        const auto margin = [&](const char* side, double pixels, double size) {
            text += std::string("set ") + side + "margin at screen " + plot_number(pixels / size) + "\n";
        };
        margin("l", x + static_cast<double>(left), w);
        margin("r", x + column - 18.0, w);
        margin("t", h - y - above, h);
        margin("b", h - y - static_cast<double>(panel_height) + static_cast<double>(below), h);
        text += std::string(plot_style) + "unset key\nset label " + gnuplot_string(panels[k].title) +
                " at graph 0,1 left offset 0,0.9 tc rgb '#222222'\n";
        if (!panels[k].x_label.empty())
            text += "set xlabel " + gnuplot_string(panels[k].x_label) + " offset 0,0.3 tc rgb '#333333'\n";
        text += panels[k].commands;
    }
    return text + "unset multiplot\n";
}

} // namespace program
