#pragma once

#include "images/datasets.hpp"
#include "methods/catalog.hpp"
#include "methods/protocol.hpp"
#include "methods/result.hpp"
#include "study/run/model.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <memory>

namespace program {

/// A network that a method has trained.
struct trained_by_method {
    std::unique_ptr<study_model> model;
    method_settings settings; ///< those that only this method has
    named_numbers notes;      ///< of training, over the last epoch
};

/// Trains a network on `images` by a method; the seed fixes its parameters, the order of the images and
/// everything that the method draws. `done(step, steps)` is called after each step. Throws
/// `repscope::value_error` when training diverges under attack.
trained_by_method train_by_method(const method& which, const methods_protocol& protocol,
                                  const image_set& images, std::size_t classes, std::size_t seed,
                                  repscope::thread_pool& pool,
                                  const std::function<void(std::size_t, std::size_t)>& done);

} // namespace program
