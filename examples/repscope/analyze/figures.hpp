#pragma once

#include "analyze/result.hpp"
#include "study/report/figures/figures.hpp"

#include <vector>

namespace program {

/// Figures of the report: those of the study that fit one or two networks, and figures by depth of change
/// under perturbations, gradients and ablation.
std::vector<study_figure> analysis_figures(const analysis_result& analysis);

} // namespace program
