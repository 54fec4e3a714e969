#pragma once

#include "analyze/result.hpp"

#include <string>

namespace program {

/// Returns the text of analysis.json.
std::string analysis_text(const analysis_result& analysis);

/// Returns the text of analysis.csv: "model,condition,layer,quantity,value", a line per number of
/// analysis.json that is not part of an array. A quantity is its keys joined by underscores.
std::string analysis_csv(const analysis_result& analysis);

} // namespace program
