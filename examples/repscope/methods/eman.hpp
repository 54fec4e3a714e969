#pragma once

#include "images/datasets.hpp"
#include "methods/result.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
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
    double unlabeled_weight = 10;
    double threshold = .7; ///< probability from which on the teacher is believed
    double rate = .03;     ///< the highest
    /// Of the teacher. Chosen on a split of the training images: the published .999 remembers its start for
    /// too much of 3,000 steps.
    double momentum = .99;
    /// Weak views are moved a little; strong ones take two of all transforms.
    double weak_severity = 3;
    double strong_severity = 8;
};

/// Trains one arm and measures the network that it is for, the teacher or, of `labels`, the only one, on the
/// test images. All arms of a seed have the same labeled images, initial parameters and order of images.
/// `done(step, steps)` is called after each step. Throws `usage_error` for fewer images than a step takes.
method_arm eman_run(const data_set& data, const std::string& arm, const eman_settings& settings,
                    std::size_t seed, repscope::thread_pool& pool,
                    const std::function<void(std::size_t, std::size_t)>& done);

} // namespace program
