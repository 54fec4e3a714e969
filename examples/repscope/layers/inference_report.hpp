#pragma once

#include <repscope/analysis/layer_report.hpp>

#include <string>
#include <vector>

namespace program {

class text_table;
struct layer_report;

using repscope::analysis::inference_report;

/// The table of estimates for people.
text_table inference_table(const std::vector<layer_report>& layers);

/// The measures with an interval by blocks of samples: layer, measure, estimate and interval per row.
std::vector<std::vector<std::string>> interval_rows(const std::vector<layer_report>& layers);
std::vector<std::string> interval_header();

/// The lines below that table: the source of the p-values, the size of the state behind the estimates.
std::string inference_notes(const std::vector<layer_report>& layers);

} // namespace program
