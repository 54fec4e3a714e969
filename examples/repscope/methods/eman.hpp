#pragma once

#include "images/datasets.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace program {

/// Few labels and many images without: `eman`, a teacher that is averaged whole; `batch-norm`, a teacher of
/// averaged parameters whose batch norm keeps statistics of its own; `labels`, the labeled images alone.
inline const std::vector<std::string> eman_arms{"eman", "batch-norm", "labels"};

/// What a semi-supervised run is given. Weight, threshold and rate are the published ones for ImageNet;
/// schedule, views and momentum are our own.
struct eman_settings {
    std::size_t labels = 100;
    std::size_t steps = 3000;
    std::size_t labeled_batch = 64;
    std::size_t unlabeled_batch = 320;
};
nlohmann::ordered_json to_json(const eman_settings& settings);

/// Trains one arm and measures the network that it is for, the teacher or, of `labels`, the only one, on the
/// test images. All arms of a seed have the same labeled images, initial parameters and order of images.
/// `done(step, steps)` hears of every step. Throws `usage_error` for fewer images than a step takes.
nlohmann::ordered_json eman_run(const data_set& data, const std::string& arm, const eman_settings& settings,
                                std::size_t seed, repscope::thread_pool& pool,
                                const std::function<void(std::size_t, std::size_t)>& done);

} // namespace program
