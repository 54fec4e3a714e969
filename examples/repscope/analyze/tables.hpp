#pragma once

#include "analyze/result.hpp"
#include "render/text_table.hpp"

#include <string>
#include <vector>

namespace program {

/// A row per layer of a model: units, selectivity with its null and interval, dimensionality, geometry of the
/// classes, and the variability of gradients.
text_table analyzed_layers_table(const model_result& model);

/// A row per condition, in columns the accuracy of each model. The severities of a corruption are one row.
text_table conditions_table(const std::vector<model_result>& models);

/// Both tables with their explanations, and the notes, for standard output.
std::string analysis_tables(const analysis_result& analysis);

} // namespace program
