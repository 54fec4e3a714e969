#pragma once

#include "images/labeled_inputs.hpp"
#include "study/result.hpp"
#include "study/run/model.hpp"
#include "study/settings.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>

namespace program {

/// The number of images whose distances are measured, of `samples` test images; 0: none.
std::size_t distance_images(const condition_settings& settings, std::size_t samples);

/// Measures how far the nearest misclassified images are that FAB (targeted) finds, and the accuracy at 65
/// eps from 0 to the largest of the settings. `done(share)` is called after each batch.
distance_result measure_distances(study_model& model, const condition_settings& settings,
                                  const labeled_inputs& inputs, repscope::thread_pool& pool,
                                  const std::function<void(double)>& done);

/// Passes of one image that `measure_distances` takes, about, as for `passes_of`.
double distance_passes(const condition_settings& settings, std::size_t samples, double backward);

} // namespace program
