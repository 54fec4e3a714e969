#pragma once

#include "analyze/result.hpp"
#include "study/report/pictures.hpp"

#include <string>

namespace program {

/// Writes `report.html`, a page that needs no other file, and its figures and images in `figures/`. Throws
/// `data_error`.
void write_analysis_page(const std::string& folder, const analysis_result& analysis,
                         const study_pictures& pictures);

} // namespace program
