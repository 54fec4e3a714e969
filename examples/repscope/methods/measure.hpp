#pragma once

#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "methods/protocol.hpp"
#include "methods/result.hpp"
#include "study/run/model.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <functional>

namespace program {

/// Measures accuracy and every layer on the test images.
clean_measures measure_clean(study_model& model, const image_set& test, repscope::thread_pool& pool);

/// Measures the accuracy under corruptions, and under attack in each ball and in all of them.
///
/// In each ball an image has to hold against PGD with the cross-entropy and, if it does, with the margin
/// loss, restarts of both. `done(share)` is called with the part that is done.
robustness_measures measure_robustness(study_model& model, const methods_protocol& protocol,
                                       const data_set& data, corrupted_images& corrupted,
                                       repscope::thread_pool& pool, const std::function<void(double)>& done);

} // namespace program
