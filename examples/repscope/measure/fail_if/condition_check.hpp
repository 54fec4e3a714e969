#pragma once

#include <repscope/analysis/measure_set.hpp>

#include <string>
#include <vector>

namespace program {

/// What the LAYER objects of a run hold beside the dimensionality.
struct report_parts {
    bool selectivity = false;                                                        ///< --labels
    bool comparison = false;                                                         ///< --compare
    bool inference = false;                                                          ///< --inference
    repscope::analysis::measure_set measures = repscope::analysis::default_measures; ///< --measures
    bool drift = false;                                                              ///< --unpaired
};

/// Throws `usage_error` for a condition of --fail-if on a key that no layer of such a run has, or on what is
/// not a number, before anything is measured. The message names the option that is missing, or the nearest
/// key. The keys are those of a made-up layer of one unit.
void check_condition_keys(const std::vector<std::string>& conditions, const report_parts& parts);

/// Throws `usage_error` for a condition whose pattern matches no layer.
void check_condition_layers(const std::vector<std::string>& conditions,
                            const std::vector<std::string>& layers);

} // namespace program
