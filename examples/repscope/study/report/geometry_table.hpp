#pragma once

#include "study/result.hpp"

#include <string>

namespace program {

/// The table of class geometry, uniformity of activation and similarity: a row per alpha and layer, clean,
/// corrupted (mean over all corruptions) and attacked (PGD of the largest size). Empty without numbers.
std::string geometry_table(const study_result& study);

} // namespace program
