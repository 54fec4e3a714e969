#pragma once

#include "study/report/figures/figures.hpp"

#include <string>
#include <vector>

namespace program {

/// The figures of a report as parts of its page.
struct figure_parts {
    std::string html;
    bool is_drawn = true; ///< false: gnuplot was not found, or failed
    std::string drawn_by; ///< "gnuplot 5.4 patchlevel 4"; empty without figures
};

/// Draws figures, and writes each to the folder `figures` in `folder`: as .svg, and its numbers as .csv.
/// Throws `data_error`.
figure_parts write_figures(const std::string& folder, const std::vector<study_figure>& figures);

/// The notes of a report; empty without any.
std::string notes_part(const std::vector<std::string>& notes);

} // namespace program
