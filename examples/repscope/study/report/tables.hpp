#pragma once

#include "study/result.hpp"

#include <string>

namespace program {

/// study.csv of a study: a row per network, condition, layer and quantity. Quantities of a network as a whole
/// have no layer, numbers that are not defined no value.
std::string study_csv(const study_result& study);

/// The table for people: a row per alpha, mean and standard deviation over the seeds.
std::string study_table(const study_result& study);

} // namespace program
