#pragma once

#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "methods/protocol.hpp"
#include "study/run/model.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <functional>
#include <nlohmann/json.hpp>

namespace program {

/// Every layer on the test images: `"clean_accuracy"`, `"selectivity_mean"` and `"layers"` into `network`,
/// and which images were right into `"right"`.
void measure_layers(study_model& model, const image_set& test, repscope::thread_pool& pool,
                    nlohmann::ordered_json& network);

/// The accuracy under corruptions, and under attack in each ball and in all of them: `"corruption_accuracy"`
/// and `"robust"` into `network`, which images held under attack into `"right"`.
///
/// In each ball an image has to hold against PGD with the cross-entropy and, if it does, with the margin
/// loss, restarts of both. `done(share)` hears what part is done.
void measure_robustness(study_model& model, const methods_protocol& protocol, const data_set& data,
                        corrupted_images& corrupted, repscope::thread_pool& pool,
                        nlohmann::ordered_json& network, const std::function<void(double)>& done);

} // namespace program
