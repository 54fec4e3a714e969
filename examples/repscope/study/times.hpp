#pragma once

#include "study/result.hpp"

#include <string>
#include <vector>

namespace program {

/// Seconds that a stage took in all networks of a study together.
struct stage_time {
    std::string stage;
    double seconds = 0.0;
    double share = 0.0; ///< of the time of all stages
};

/// The stages in the order in which they run: training, clean, gradients, corruptions, attacks. Networks that
/// were measured before the last two were told apart have "conditions".
std::vector<stage_time> stage_times(const study_result& study);

/// The line for people.
std::string stage_times_text(const study_result& study);

} // namespace program
