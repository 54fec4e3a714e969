#pragma once

#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "study/result.hpp"
#include "study/run/model.hpp"
#include "study/settings.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <string>

namespace program {

/// Seconds that one network will take about, from a few steps and a few batches of testing.
double estimated_seconds(const study_settings& settings, const data_set& data, repscope::thread_pool& pool);

/// Trains one network and measures it: every layer on the whole test set, the gradients of their units, and
/// the layers under every condition of the study. `done(stage, share)` is called with the part of a stage
/// that is finished. The clean activations are written to `dump_folder` unless that is empty,
/// the trained network to `onnx_file`, and its parameters to `parameter_file`.
network_result train_and_measure(const study_settings& settings, const study_cell& cell, const data_set& data,
                                 corrupted_images& corrupted, repscope::thread_pool& pool,
                                 const std::string& dump_folder, const std::string& onnx_file,
                                 const std::string& parameter_file,
                                 const std::function<void(const std::string&, double)>& done);

} // namespace program
