#pragma once

#include "study/result.hpp"

#include <string>
#include <vector>

namespace program {

/// study.csv of a study: a row per network, condition, layer and quantity. Quantities of a network as a whole
/// have no layer, numbers that are not defined no value.
std::string study_csv(const study_result& study);

/// A table of the summary of a study, with a row per alpha.
struct summary_table {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
    std::string caption; ///< explains the numbers, in lines for a terminal
};

/// Returns the tables of the summary: clean images, and perturbations if any was measured. Cells have the
/// mean and standard deviation over the seeds.
std::vector<summary_table> summary_tables(const study_result& study);

/// Returns the tables of the summary as text.
std::string study_table(const study_result& study);

} // namespace program
