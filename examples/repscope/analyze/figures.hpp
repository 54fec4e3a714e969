#pragma once

#include "analyze/result.hpp"
#include "study/report/figures/figures.hpp"

#include <string>
#include <vector>

namespace program {

/// Returns the models as the networks of a study, for its figures: the place of a model is its alpha.
study_result networks_of(const analysis_result& analysis);
/// Returns the names of the models.
std::vector<std::string> names_of(const analysis_result& analysis);

/// Figures of the report: those of the study that fit one or two networks, and figures by depth of change
/// under perturbations, gradients and ablation.
std::vector<study_figure> analysis_figures(const analysis_result& analysis);

} // namespace program
