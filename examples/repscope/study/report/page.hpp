#pragma once

#include "study/report/pictures.hpp"

#include <string>

namespace program {

/// Writes the report of a study: `report.html`, a page that needs no other file, with its figures by gnuplot
/// where that is found, and in `figures/` each figure as an SVG file of its own and its numbers as CSV; the
/// images as PNG. Every file appears whole or not at all.
/// Throws `data_error`.
void write_study_page(const std::string& folder, const study_result& study, const study_pictures& pictures);

} // namespace program
