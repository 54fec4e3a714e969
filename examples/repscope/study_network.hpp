#pragma once

#include "data_sets.hpp"
#include "study_model.hpp"
#include "study_settings.hpp"

#include <repscope/numeric/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace program {

/// Seconds that one network will take about, from a few steps and a few batches of testing.
double estimated_seconds(const study_settings& settings, const data_set& data, repscope::thread_pool& pool);

/// Trains one network and measures every layer on the whole test set: its NETWORK object. `done(step)` is
/// called after each step. The activations go to `dump_folder` unless that is empty.
nlohmann::ordered_json train_and_measure(const study_settings& settings, const study_cell& cell,
                                         const data_set& data, repscope::thread_pool& pool,
                                         const std::string& dump_folder,
                                         const std::function<void(std::size_t)>& done);

} // namespace program
