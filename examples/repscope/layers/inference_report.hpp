#pragma once

#include <repscope/dimensionality/estimate.hpp>
#include <repscope/selectivity/cross_fit.hpp>

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace program {

struct layer_report;

/// The estimates of one layer.
struct inference_report {
    std::optional<repscope::cross_fit_result> cross_fit;
    std::string null = "saddlepoint"; ///< whose p-values: saddlepoint or permutation
    std::vector<double> p_value;      ///< of each unit; NaN where there is none
    std::vector<double>
        null_95; ///< 95 % quantile of each unit's index under shuffled labels, where they were
    std::size_t permutations = 0;      ///< of every unit
    std::size_t max_permutations = 0;  ///< of the units that needed most
    std::size_t passes = 0;            ///< over the samples, for the permutations
    std::size_t significant_units = 0; ///< by Benjamini and Hochberg, q = .05
    std::size_t tested_units = 0;
    std::size_t blocks = 0;
    std::size_t state_bytes = 0;
    /// With a sketch the standard error holds both that of the probes and nothing else.
    repscope::participation_ratio_estimate participation_ratio;
    std::string method; ///< exact or sketch
    std::size_t probes = 0;
};

/// Adds the estimates to the LAYER object: `selectivity.cross_fit`, and se_log, ci, samples and method to
/// `dimensionality`, of which a sketch leaves all but the participation ratios null.
void add_inference(nlohmann::ordered_json& layer, const layer_report& report);

/// The table of estimates for people, with the size of the state behind them.
std::string inference_table(const std::vector<layer_report>& layers);

} // namespace program
