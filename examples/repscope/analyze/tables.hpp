#pragma once

#include "analyze/result.hpp"

#include <string>
#include <vector>

namespace program {

/// A table: the header, then its rows.
using table_rows = std::vector<std::vector<std::string>>;

/// A row per layer of a model: units, selectivity with its null and interval, dimensionality, geometry of the
/// classes, and the variability of gradients.
table_rows layer_rows(const model_result& model);

/// A row per condition, in columns the accuracy of each model. The severities of a corruption are one row.
table_rows conditions_rows(const std::vector<model_result>& models);

/// The explanation of the columns of `analyzed_layers_table`, in lines.
std::string columns_text();

/// Both tables with their explanations, and the notes, for standard output.
std::string analysis_tables(const analysis_result& analysis);

} // namespace program
