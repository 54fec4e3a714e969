#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// The commands of a figure without terminal and output, and its size in pixels.
struct plot {
    std::string commands;
    std::size_t width = 560;
    std::size_t height = 300;
};

/// Draws each of `plots` as an SVG element that a page can contain beside the others. Empty when there is no
/// gnuplot, or it fails.
std::vector<std::string> draw(const std::vector<plot>& plots);

/// `text` as a quoted string of gnuplot.
std::string gnuplot_string(std::string_view text);

} // namespace program
