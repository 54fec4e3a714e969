#pragma once

#include <repscope/analysis/layer_report.hpp>

#include <string>
#include <vector>

namespace program {

struct layer_report;

using repscope::analysis::inference_report;

/// The table of estimates for people, with the size of the state behind them.
std::string inference_table(const std::vector<layer_report>& layers);

} // namespace program
