#pragma once

#include "methods/result.hpp"

#include <string>
#include <vector>

namespace program {

/// Returns the differences between two methods, or two arms of one, for those pairs of which both were run.
/// Pairs and quantities do not depend on the numbers: nothing is tested.
std::vector<method_comparison> method_comparisons(const methods_result& result);

/// Returns correlations, over the means of the methods, of selectivity with accuracy under corruptions and
/// under attack: a description of these methods, which are not a sample.
std::vector<method_correlation> method_correlations(const methods_result& result);

/// Returns methods.csv: a row per network, layer and quantity. Quantities of a network have no layer.
std::string methods_csv(const methods_result& result);

/// Returns tables for people.
std::string methods_table(const methods_result& result);

/// Returns a figure of selectivity against accuracy under corruptions, and under attack: a point per method,
/// with the spread over seeds. SVG; empty without gnuplot or networks.
std::string methods_figure(const methods_result& result);

} // namespace program
