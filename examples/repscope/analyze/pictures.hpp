#pragma once

#include "analyze/inputs.hpp"
#include "analyze/result.hpp"
#include "analyze/settings.hpp"
#include "study/report/pictures.hpp"

#include <repscope/parallel/thread_pool.hpp>

namespace program {

/// Returns the grid of images of a report: the first inputs as they are, corrupted, with random signs, and
/// attacked at the largest eps. Without rows if the inputs are not images of 1 or 3 channels, or were not
/// perturbed.
study_pictures analysis_pictures(const analysis_result& analysis, const analysis_inputs& inputs,
                                 const analysis_settings& settings, repscope::thread_pool& pool);

} // namespace program
