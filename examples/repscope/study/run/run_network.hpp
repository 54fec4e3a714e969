#pragma once

#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "study/run/model.hpp"
#include "study/settings.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace program {

/// Seconds that one network will take about, from a few steps and a few batches of testing.
double estimated_seconds(const study_settings& settings, const data_set& data, repscope::thread_pool& pool);

/// Trains one network and measures it: every layer on the whole test set, the gradients of their units, and
/// both again under every condition of the study. Its NETWORK object, with `"right"` in addition, which
/// images were classified correctly, packed, a text a condition, and `"pictures"`, the bytes of the first
/// images under each attack. `done(stage, share)` hears what part of a stage is done. The clean activations
/// go to `dump_folder` unless that is empty.
nlohmann::ordered_json train_and_measure(const study_settings& settings, const study_cell& cell,
                                         const data_set& data, corrupted_images& corrupted,
                                         repscope::thread_pool& pool, const std::string& dump_folder,
                                         const std::function<void(const std::string&, double)>& done);

} // namespace program
