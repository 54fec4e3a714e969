#pragma once

#include "images/datasets.hpp"
#include "methods/catalog.hpp"
#include "methods/protocol.hpp"
#include "study/run/model.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

namespace program {

/// A network that a method has trained.
struct trained_by_method {
    std::unique_ptr<study_model> model;
    nlohmann::ordered_json settings; ///< what is the method's own
    nlohmann::ordered_json
        notes; ///< what it said in training, over the last epoch; null when it said nothing
};

/// Trains a network on `images` by a method; the seed fixes its parameters, the order of the images and
/// everything that the method draws. `done(step, steps)` hears of every step. Throws `repscope::value_error`
/// when training diverges under attack.
trained_by_method train_by_method(const method& which, const methods_protocol& protocol,
                                  const image_set& images, std::size_t classes, std::size_t seed,
                                  repscope::thread_pool& pool,
                                  const std::function<void(std::size_t, std::size_t)>& done);

} // namespace program
