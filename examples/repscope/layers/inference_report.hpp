#pragma once

#include <repscope/analysis/layer_report.hpp>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace program {

struct layer_report;

using repscope::analysis::inference_report;

/// Adds the estimates to the LAYER object: `selectivity.cross_fit`, and se_log, ci, samples and method to
/// `dimensionality`, of which a sketch leaves all but the participation ratios null.
void add_inference(nlohmann::ordered_json& layer, const layer_report& report);

/// The table of estimates for people, with the size of the state behind them.
std::string inference_table(const std::vector<layer_report>& layers);

} // namespace program
