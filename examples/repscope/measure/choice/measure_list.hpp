#pragma once

#include <repscope/analysis/measure_set.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace program {

/// What a run has that some measures need.
struct measure_inputs {
    bool labels = false;
    bool compare = false; ///< of the same samples
};

/// The measures that --measures names: names and groups, separated by commas in each text; `default` are
/// those of a run without the option, `all` those that the inputs allow. Without texts the default. Throws
/// `usage_error` for an unknown name, with the nearest one, and for a name whose input is missing.
repscope::analysis::measure_set parse_measures(const std::vector<std::string>& texts,
                                               const measure_inputs& inputs);

/// The name of the measure that a key of the LAYER object belongs to, "dimensionality.stable_rank"; empty for
/// a key that every run has.
std::string measure_of_key(std::string_view key);

/// The text of `--measures help`: every measure with its group, cost and definition, in 80 columns.
std::string measures_help();

} // namespace program
