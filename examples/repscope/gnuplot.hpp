#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Draws each of `plots`, the commands of one figure without terminal and output, as an SVG element that can
/// stand in a page. `size`: "560,320". Empty when there is no gnuplot, or it fails.
std::vector<std::string> draw(const std::vector<std::string>& plots, const std::string& size = "560,300");

/// `text` as a quoted string of gnuplot.
std::string gnuplot_string(std::string_view text);

} // namespace program
