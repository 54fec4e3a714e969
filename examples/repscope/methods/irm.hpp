#pragma once

#include "images/datasets.hpp"
#include "methods/result.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace program {

/// Empirical risk minimization, invariant risk minimization, and the first without colors, which is what can
/// be reached by shape alone.
inline const std::vector<std::string> colored_arms{"erm", "irm", "grey"};

/// Colored images: a network trained on environments in which color predicts the label better than shape
/// does, and tested where color misleads. `arm` is erm, irm or grey; settings are those of the published
/// search, and nothing is chosen on the flipped environment. `done(step, steps)` is called after each step.
method_arm colored_run(const data_set& data, const std::string& arm, std::size_t seed,
                       repscope::thread_pool& pool,
                       const std::function<void(std::size_t, std::size_t)>& done);

/// A synthetic task with the structure of a toxicity study: the label equals an attribute with probability .9
/// and .8 in training and .1 in the test, and features depend on both. `arm` is erm or irm; a linear
/// classifier. Accuracy and the gaps between the groups, in an environment like the first and where the
/// attribute misleads.
method_arm attribute_run(const std::string& arm, std::size_t seed, repscope::thread_pool& pool,
                         const std::function<void(std::size_t, std::size_t)>& done);
inline const std::vector<std::string> attribute_arms{"erm", "irm"};

} // namespace program
