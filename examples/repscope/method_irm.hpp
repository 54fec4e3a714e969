#pragma once

#include "data_sets.hpp"

#include <repscope/numeric/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace program {

/// Coloured images: a network trained on environments in which colour predicts the label better than shape
/// does, and tested where colour misleads. `arm` is erm, irm or grey; settings are those of the published
/// search, and nothing is chosen on the flipped environment. `done(step, steps)` is called after each step.
nlohmann::ordered_json coloured_run(const data_set& data, const std::string& arm, std::size_t seed,
                                    repscope::thread_pool& pool,
                                    const std::function<void(std::size_t, std::size_t)>& done);

} // namespace program
