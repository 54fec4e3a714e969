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

/// The lines below that table: the source of the p-values, the size of the state behind the estimates.
std::string inference_notes(const std::vector<layer_report>& layers);

} // namespace program
